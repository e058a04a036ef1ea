import Sessions

/// Decides which sessions a listener keeps, without I/O.
///
/// Nodes have places of their own. A client's principal has its limit; where an address, or all together, have theirs,
/// the principal that has most there gives up its newest for one that has fewer.
struct SessionCensus {
  typealias ID = UInt64

  struct Holder: Equatable, Sendable {
    var principal: String
    var source: Source
    var isNode: Bool
  }

  enum Verdict: Equatable {
    case admitted
    /// It is let in, and that one has to go, which is counted out already.
    case displaces(ID, TooManySessions)
    case refused(TooManySessions)
  }

  /// Sessions that have one limit together.
  private struct Scope {
    /// In order of arrival.
    private var sessions: [String: [ID]] = [:]
    private(set) var count = 0

    func count(of principal: String) -> Int { sessions[principal]?.count ?? 0 }

    mutating func append(_ id: ID, of principal: String) {
      sessions[principal, default: []].append(id)
      count += 1
    }

    mutating func remove(_ id: ID, of principal: String) {
      guard let index = sessions[principal]?.firstIndex(of: id) else { return }
      sessions[principal]?.remove(at: index)
      if count(of: principal) == 0 { sessions[principal] = nil }
      count -= 1
    }

    /// Whether a principal may have one more, now that the scope is full.
    func judge(_ principal: String, _ which: TooManySessions) -> Verdict {
      // Of several that are equal, the last by name: the same in every process.
      let largest = sessions.max { ($0.value.count, $0.key) < ($1.value.count, $1.key) }
      guard let largest, let newest = largest.value.last, largest.value.count > count(of: principal) + 1
      else { return .refused(which) }
      return .displaces(newest, which)
    }
  }

  private var holders: [ID: Holder] = [:]
  private var clients = Scope()
  private var clientsBySource: [Source: Scope] = [:]
  private var nodes = Scope()
  private let limits: SessionLimits

  init(_ limits: SessionLimits) { self.limits = limits }

  /// Sessions counted now.
  var count: Int { holders.count }

  /// Each admitted session wants one `leave`.
  mutating func enter(_ id: ID, _ holder: Holder) -> Verdict {
    let verdict = holder.isNode ? judgeNode(holder) : judgeClient(holder)
    switch verdict {
    case .refused: return verdict
    case .displaces(let other, _): leave(other)
    case .admitted: break
    }
    holders[id] = holder
    if holder.isNode {
      nodes.append(id, of: holder.principal)
    } else {
      clients.append(id, of: holder.principal)
      clientsBySource[holder.source, default: Scope()].append(id, of: holder.principal)
    }
    return verdict
  }

  /// Counts a session out; one that has been counted out before changes nothing.
  mutating func leave(_ id: ID) {
    guard let holder = holders.removeValue(forKey: id) else { return }
    if holder.isNode { return nodes.remove(id, of: holder.principal) }
    clients.remove(id, of: holder.principal)
    clientsBySource[holder.source]?.remove(id, of: holder.principal)
    if clientsBySource[holder.source]?.count == 0 { clientsBySource[holder.source] = nil }
  }

  private func judgeNode(_ holder: Holder) -> Verdict {
    if nodes.count(of: holder.principal) >= limits.sessionsPerNode { return .refused(.ofPrincipal) }
    return nodes.count >= limits.nodeSessions ? nodes.judge(holder.principal, .inAll) : .admitted
  }

  private func judgeClient(_ holder: Holder) -> Verdict {
    if clients.count(of: holder.principal) >= limits.sessionsPerPrincipal { return .refused(.ofPrincipal) }
    if let scope = clientsBySource[holder.source], scope.count >= limits.sessionsPerSource {
      return scope.judge(holder.principal, .fromAddress)
    }
    return clients.count >= limits.sessions ? clients.judge(holder.principal, .inAll) : .admitted
  }
}
