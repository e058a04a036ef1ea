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
    /// The last nonce that was sent before it was loaded.
    var nonce: UInt64 = 0
  }

  private var states = [State](repeating: .none, count: Partition.count)
  private var covers = [Cover](repeating: Cover(), count: Partition.count)
  /// How many times the data loops were told to close it and have not said that they did.
  private var closings = [Int](repeating: 0, count: Partition.count)

  subscript(partition: Partition) -> State {
    get { states[partition.index] }
    set { states[partition.index] = newValue }
  }

  /// Loaded; a lease may cover it from the first report on that is sent after `nonce`.
  mutating func serve(_ partition: Partition, _ token: FencingToken, after nonce: UInt64) {
    states[partition.index] = .serving(token)
    covers[partition.index] = Cover(term: token.term, nonce: nonce)
  }

  /// Takes a renewal that answers the report with this nonce and returns what it covers: what was in that
  /// report. A partition that was given back since, and loaded again, was not; meanwhile it may have been
  /// somebody else's, and the commander counts no lease of this drone on it.
  mutating func renew(
    _ partitions: PartitionSet, nonce: UInt64, until end: Instant, term: Term
  ) -> PartitionSet {
    var covered = PartitionSet()
    for partition in partitions {
      guard case .serving = states[partition.index], nonce > covers[partition.index].nonce else { continue }
      covers[partition.index].end = max(covers[partition.index].end, end)
      covers[partition.index].term = term
      covered.insert(partition)
    }
    return covered
  }

  /// The data loops are told to close a loaded partition.
  mutating func close(_ partition: Partition, as state: State) {
    states[partition.index] = state
    closings[partition.index] += 1
  }

  /// The data loops have closed it. It is over when that answers the last time they were told.
  mutating func closed(_ partition: Partition) {
    closings[partition.index] = max(0, closings[partition.index] - 1)
    guard closings[partition.index] == 0 else { return }
    switch states[partition.index] {
    case .closing, .dropping: states[partition.index] = .none
    case .none, .opening, .serving: break
    }
  }

  /// Whether the data loops are to close something and have not said that they did.
  var isClosing: Bool { closings.contains { $0 > 0 } }

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
        close(partition, as: .dropping(token))
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
