import Sessions

/// Decides who waits for a handshake: everybody who comes, and who has to go for that. Without I/O.
///
/// An honest newcomer sends its first frame at once. So the oldest that has said nothing goes first, of the newcomer's
/// own address when that has its share, else of the address that has most. Those who have spoken go when they have
/// taken more than three quarters of the places: the newcomers need time to speak.
struct ConnectionCensus {
  /// Counts up in order of arrival.
  typealias ID = UInt64

  /// The connections of one address.
  private struct Group {
    /// In order of arrival.
    var silent: [ID] = []
    var spoken: [ID] = []
    var count: Int { silent.count + spoken.count }
    var oldest: ID { min(silent.first ?? .max, spoken.first ?? .max) }

    /// Who goes first.
    var next: ID? { silent.count * 4 > count ? silent.first : spoken.first ?? silent.first }

    mutating func remove(_ id: ID) {
      // The oldest go most often.
      if let index = silent.firstIndex(of: id) {
        silent.remove(at: index)
      } else if let index = spoken.firstIndex(of: id) {
        spoken.remove(at: index)
      }
    }
  }

  /// The connections from the addresses of members, or all others.
  private struct Pool {
    var groups: [Source: Group] = [:]
    var count = 0
  }

  private var members = Pool()
  private var strangers = Pool()
  private var places: [ID: (source: Source, isMember: Bool)] = [:]
  private let limits: SessionLimits

  init(_ limits: SessionLimits) { self.limits = limits }

  /// Connections counted now.
  var count: Int { places.count }

  /// Lets a connection in.
  /// - Returns: who has to go for it. It is counted out already.
  mutating func enter(_ id: ID, from source: Source, isMember: Bool) -> ID? {
    let displaced = self.displaced(by: source, isMember: isMember)
    if let displaced { leave(displaced) }
    places[id] = (source, isMember)
    change(isMember) { pool in
      pool.groups[source, default: Group()].silent.append(id)
      pool.count += 1
    }
    return displaced
  }

  private func displaced(by source: Source, isMember: Bool) -> ID? {
    let pool = isMember ? members : strangers
    if let own = pool.groups[source], own.count >= limits.unauthenticatedConnectionsPerSource {
      return own.next
    }
    let limit = isMember ? limits.unauthenticatedMemberConnections : limits.unauthenticatedConnections
    return pool.count >= limit ? largest(of: pool)?.next : nil
  }

  /// Its first frame has come whole.
  mutating func speak(_ id: ID) {
    guard let place = places[id] else { return }
    change(place.isMember) { pool in
      guard let index = pool.groups[place.source]?.silent.firstIndex(of: id) else { return }
      pool.groups[place.source]?.silent.remove(at: index)
      pool.groups[place.source]?.spoken.append(id)
    }
  }

  /// Counts a connection out; one that has been counted out before changes nothing.
  mutating func leave(_ id: ID) {
    guard let place = places.removeValue(forKey: id) else { return }
    change(place.isMember) { pool in
      pool.groups[place.source]?.remove(id)
      if pool.groups[place.source]?.count == 0 { pool.groups[place.source] = nil }
      pool.count -= 1
    }
  }

  /// The process needs a descriptor: counts out whoever goes first.
  mutating func makeRoom() -> ID? {
    guard let displaced = largest(of: strangers.count > 0 ? strangers : members)?.next else { return nil }
    leave(displaced)
    return displaced
  }

  /// Of several that are equal, the one whose oldest connection is the oldest.
  private func largest(of pool: Pool) -> Group? {
    pool.groups.values.max { ($0.count, $1.oldest) < ($1.count, $0.oldest) }
  }

  private mutating func change(_ isMember: Bool, _ body: (inout Pool) -> Void) {
    if isMember { body(&members) } else { body(&strangers) }
  }
}
