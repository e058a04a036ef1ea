import Cluster

/// Writes in the order of their records: a ring of 32 bytes each. A place is the number of a write among all that were
/// ever added; those that are removed before older ones leave theirs void.
struct RememberedWrites {
  struct Entry {
    /// The client's number of the write.
    let number: UInt64
    let sequence: UInt64
    private let digestBits: UInt32
    /// The place of its client; negative: it is void.
    fileprivate(set) var client: Int32
    private let hasDigest: Bool
    private let packedOutcome: UInt8

    init(number: UInt64, sequence: UInt64, digest: UInt32?, outcome: Outcome, client: Int32) {
      self.number = number
      self.sequence = sequence
      digestBits = digest ?? 0
      hasDigest = digest != nil
      packedOutcome = outcome.packed
      self.client = client
    }

    var digest: UInt32? { hasDigest ? digestBits : nil }
    var outcome: Outcome { Outcome(packed: packedOutcome) }
    @inline(__always) var isVoid: Bool { client < 0 }
  }

  private var entries: [Entry] = []
  /// Where the first one is.
  private var head = 0
  /// Its place.
  private(set) var start = 0
  private var used = 0
  private var voids = 0

  /// The place of the next one.
  @inline(__always) var end: Int { start + used }
  @inline(__always) var count: Int { used - voids }

  subscript(place: Int) -> Entry {
    @inline(__always) _read { yield entries[index(of: place)] }
  }

  @inline(__always)
  private func index(of place: Int) -> Int {
    let index = head + (place - start)
    return index < entries.count ? index : index - entries.count
  }

  /// Whether half of it is void, so that it is worth to be compacted; then all places are others.
  var isSparse: Bool { voids >= 16 && voids * 2 > used }

  mutating func append(_ entry: Entry) {
    if used == entries.count { grow() }
    used += 1
    let index = index(of: end - 1)
    if index < entries.count { entries[index] = entry } else { entries.append(entry) }
  }

  /// By a quarter once it is large: each partition has one.
  private mutating func grow() {
    var larger: [Entry] = []
    let capacity = used < 512 ? max(16, 2 * used) : used + used / 4
    larger.reserveCapacity(capacity)
    for place in start..<end { larger.append(self[place]) }
    // What is beyond the last is never read.
    if let filler = larger.last { while larger.count < capacity { larger.append(filler) } }
    (entries, head) = (larger, 0)
  }

  mutating func remove(_ place: Int) {
    entries[index(of: place)].client = -1
    voids += 1
    while used > 0, self[start].isVoid {
      head = head + 1 < entries.count ? head + 1 : 0
      start += 1
      used -= 1
      voids -= 1
    }
  }

  /// Moves the last one to an earlier place, and those from there on each to the next.
  mutating func moveLast(to place: Int) {
    var next = end - 1
    while next > place {
      entries.swapAt(index(of: next), index(of: next - 1))
      next -= 1
    }
  }

  /// Gives places anew, without any void.
  mutating func compact() {
    var kept: [Entry] = []
    kept.reserveCapacity(count)
    for place in start..<end where !self[place].isVoid { kept.append(self[place]) }
    (entries, head, used, voids) = (kept, 0, kept.count, 0)
  }

  /// The last one of a client that has this number.
  /// - Parameter most: so many writes of the client are here.
  func last(of client: Int32, number: UInt64, most: Int) -> Int? {
    var rest = most
    var place = end
    while rest > 0, place > start {
      place -= 1
      guard self[place].client == client else { continue }
      if self[place].number == number { return place }
      rest -= 1
    }
    return nil
  }
}
