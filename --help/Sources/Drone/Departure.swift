import Cluster

/// The end of this process, as far as the commander has to know of it: partitions that nobody serves and that this drone
/// has in memory are promoted before it goes.
struct Departure {
  /// It takes nothing more.
  private(set) var isEnding = false
  /// What the commander said last in answer to a report that told of everything.
  private var orphans: (term: Term, partitions: PartitionSet)?
  /// The first report that tells of the end, and of every copy that is there.
  private var firstNonce: UInt64 = 0
  /// Data loops that have closed partitions and have not told of the copies yet that these became.
  private var silentLoops: Set<Int> = []
  /// It gives back what it has.
  private(set) var isRetired = false

  /// - Parameter nonce: of the last report that was sent.
  mutating func begin(after nonce: UInt64) {
    isEnding = true
    tellAnew(after: nonce)
  }

  mutating func retire() {
    isEnding = true
    isRetired = true
  }

  /// The data loops have closed partitions: what they had are copies from now on.
  mutating func closed(loops: Int) { silentLoops = Set(0..<loops) }

  /// A data loop has told of its copies.
  mutating func told(loop: Int, after nonce: UInt64) {
    guard silentLoops.remove(loop) != nil, silentLoops.isEmpty else { return }
    tellAnew(after: nonce)
  }

  private mutating func tellAnew(after nonce: UInt64) {
    firstNonce = nonce + 1
    orphans = nil
  }

  mutating func receive(_ renewal: Renewal) {
    if isEnding, renewal.nonce >= firstNonce { orphans = (renewal.term, renewal.orphans) }
  }

  /// Nil while the commander of this term has not said, or does not know of everything yet.
  func orphanCount(_ term: Term) -> Int? {
    guard silentLoops.isEmpty, let orphans, orphans.term == term else { return nil }
    return orphans.partitions.count
  }
}
