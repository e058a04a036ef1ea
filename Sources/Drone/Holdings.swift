import Cluster

/// What a drone has of each partition, from asking for a grant to giving it back.
struct Holdings {
  enum State: Equatable {
    case none
    case opening(FencingToken)
    case serving(FencingToken)
    /// Asked to give it back; reported until the data loops have stopped.
    case closing(FencingToken)
    /// Given up because its lease lapsed under an earlier commander; no longer reported.
    case dropping(FencingToken)
  }

  /// What a drone knows of its lease on a partition.
  private struct Cover {
    var end = Instant(milliseconds: .min)
    /// The last term whose commander granted or renewed it.
    var term = Term.none
  }

  private var states = [State](repeating: .none, count: Partition.count)
  private var covers = [Cover](repeating: Cover(), count: Partition.count)

  subscript(partition: Partition) -> State {
    get { states[partition.index] }
    set { states[partition.index] = newValue }
  }

  mutating func serve(_ partition: Partition, _ token: FencingToken) {
    states[partition.index] = .serving(token)
    covers[partition.index] = Cover(term: token.term)
  }

  mutating func renew(_ partitions: PartitionSet, until end: Instant, term: Term) {
    for partition in partitions { covers[partition.index] = Cover(end: end, term: term) }
  }

  /// Gives up what a new commander must not be told of. While a lease runs, no earlier commander can have
  /// given the partition to somebody else; once it has lapsed, only the commander that granted or renewed it
  /// knows whether one did.
  mutating func dropLapsed(for term: Term, now: Instant) -> PartitionSet {
    var dropped = PartitionSet()
    for partition in Partition.all {
      let cover = covers[partition.index]
      guard cover.term < term, cover.end <= now else { continue }
      switch states[partition.index] {
      case .serving(let token), .closing(let token):
        states[partition.index] = .dropping(token)
        dropped.insert(partition)
      case .none, .opening, .dropping: break
      }
    }
    return dropped
  }

  /// Partitions in none of the stages.
  func missing(of wanted: PartitionSet) -> PartitionSet {
    PartitionSet(wanted.filter { states[$0.index] == .none })
  }

  var serving: PartitionSet {
    PartitionSet(Partition.all.filter { if case .serving = states[$0.index] { true } else { false } })
  }

  /// What a report says: loaded partitions, also those that are closing, in order of token.
  var reported: [Holding] {
    var sets: [FencingToken: PartitionSet] = [:]
    for partition in Partition.all {
      switch states[partition.index] {
      case .serving(let token), .closing(let token): sets[token, default: []].insert(partition)
      case .none, .opening, .dropping: break
      }
    }
    return sets.keys.sorted().map { Holding(token: $0, partitions: sets[$0] ?? []) }
  }
}
