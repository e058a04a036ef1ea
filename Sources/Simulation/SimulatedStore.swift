import Cluster

/// A store in memory that answers a database core's jobs as the one in SQLite does: one transaction at a time,
/// decided by the same functions, on the disk before it is answered. A crash may take what was not synced, or
/// leave it.
final class SimulatedStore {
  private unowned let world: World
  private(set) var durable = StoreState()
  /// Written and perhaps not synced.
  private var current = StoreState()
  private var rows = 0

  init(_ world: World) { self.world = world }

  /// An older copy that the process has in place of the store, and is not to use.
  var standIn: StoreState?

  /// What is on the disk that the process has.
  var shown: StoreState { standIn ?? durable }
  var mark: StoreMark { StoreMark(identity: shown.identity, commit: shown.commit) }

  func requireOwn(_ use: String) {
    guard let standIn, standIn.commit < durable.commit else { return }
    world.violated("db1 \(use)s a store that is \(durable.commit - standIn.commit) transactions behind")
  }

  var backlog: StoreBacklog { StoreBacklog(rows: rows, records: rows, bytes: rows * 100) }

  /// The process has ended before its last writes were synced.
  func crash(losesWrites: Bool) {
    if losesWrites { current = durable } else { durable = current }
  }

  /// What was written is on the disk.
  func sync() { durable = current }

  /// Everything of a transaction but its sync.
  /// - Parameter fences: those that appends are checked by; the stored ones.
  func write(_ job: StoreJob) -> StoreJobResult {
    let term = current.term
    defer {
      if current.term < term { world.violated("the stored term falls from \(term) to \(current.term)") }
    }
    switch job {
    case .fold, .readFences: break
    case .raiseTerm, .storeKey, .open, .append: current.commit += 1
    case .advance(let commit): current.commit = max(current.commit, commit)
    }
    switch job {
    case .raiseTerm(let term): return .termRaised(current.raise(to: term))
    case .storeKey(let key): return .keyStored(current.store(key, whateverItsTerm: obeysOldOffices))
    case .open(let opening): return .opened(open(opening))
    case .readFences:
      return .fences(
        Partition.all.compactMap { partition in
          current.fences[partition.index].map { StoredFence(partition, $0) }
        })
    case .append(let groups):
      rows += 1
      return .appended(groups.map { group in group.batches.map { append($0, from: group.holder) } })
    case .fold:
      #if KEYVAL_MUTATIONS
        if world.mutations.contains(.dropTombstoneEarly) { current.revive() }
      #endif
      current.fold()
      rows = 0
      return .folded
    case .advance: return .advanced
    }
  }

  private func open(_ opening: PartitionOpening) -> OpeningResult {
    guard opening.token.term == current.term || acceptsOldGrants else {
      let error = GrantError.expired(term: opening.token.term, current: current.term)
      return OpeningResult(
        standings: [], refused: opening.partitions.map { .init(partition: $0, error: error) })
    }
    var standings: [OpeningResult.Standing] = []
    var refused: [OpeningResult.Refusal] = []
    func stands(_ partition: Partition, _ fence: PartitionFence) {
      standings.append(.init(partition: partition, sequence: fence.sequence, inSync: fence.inSync))
    }
    for partition in opening.partitions {
      let stored = judge(opening, current.fences[partition.index])
      switch PartitionFence.opening(
        stored, token: opening.token, holder: opening.holder, incarnation: opening.incarnation,
        mode: opening.mode, copy: opening.copy, life: opening.life)
      {
      case .raised(let fence):
        if fence.token <= stored?.token ?? .none || fence.sequence < stored?.sequence ?? 0 {
          world.violated("the fence of partition \(partition) falls to \(fence.token)")
        }
        current.fences[partition.index] = fence
        stands(partition, fence)
      case .repeated(let fence): stands(partition, fence)
      case .fenced(let token):
        refused.append(.init(partition: partition, error: .fenced(partition, current: token)))
      case .copiesElsewhere(let holders):
        refused.append(.init(partition: partition, error: .copiesElsewhere(partition, holders)))
      case .notInSync: refused.append(.init(partition: partition, error: .notInSync(partition)))
      }
    }
    return OpeningResult(standings: standings, refused: refused)
  }

  private func append(_ batch: PartitionBatch, from holder: Principal) -> StoreAnswer.PartitionResult {
    let result: StoreAnswer.AppendResult
    switch PartitionFence.admission(batch, from: holder, stored: judge(batch, holder)) {
    case .store(let skipping, let through):
      add(batch, skipping: skipping)
      current.fences[batch.partition.index]?.take(batch, through: through)
      result = .stored(through: through)
    case .stored(let through):
      current.fences[batch.partition.index]?.take(batch, through: through)
      result = .stored(through: through)
    case .fenced(let token): result = .fenced(by: token)
    case .gap(let sequence): result = .gap(stored: sequence)
    }
    return StoreAnswer.PartitionResult(partition: batch.partition, result: result)
  }

  private func add(_ batch: PartitionBatch, skipping: Int) {
    for (offset, record) in batch.records.enumerated().dropFirst(skipping) {
      let version = Version(fence: batch.origin, sequence: batch.firstSequence + UInt64(offset))
      if !current.append(record, to: batch.partition, version: version), !LyingClient.isItself(record.client)
      {
        world.violated("write \(record.write) was executed twice, in partition \(batch.partition)")
      }
    }
  }

  #if KEYVAL_MUTATIONS
    private var acceptsOldGrants: Bool { world.mutations.contains(.acceptOldGrant) }
    private var obeysOldOffices: Bool { world.mutations.contains(.keepOldOffice) }

    /// The fences as they stood when a request came.
    private var earlier: [Partition: PartitionFence] = [:]

    /// A request has come, and waits for its turn.
    func noticed(_ request: StoreRequest, from holder: Principal) {
      guard world.mutations.contains(.checkFenceBeforeTransaction),
        case .append(_, let batches) = request
      else { return }
      for batch in batches { earlier[batch.partition] = current.fences[batch.partition.index] }
    }

    private func judge(_ opening: PartitionOpening, _ stored: PartitionFence?) -> PartitionFence? {
      let isBelieved =
        world.mutations.contains(.promoteUnlisted)
        || opening.life != nil && world.mutations.contains(.promoteAnyJournal)
      guard isBelieved, opening.mode == .promote, var stored, let copy = opening.copy else { return stored }
      stored.origin = copy
      let life = opening.life ?? opening.incarnation
      let holder = Holder(principal: opening.holder, incarnation: life)
      stored.inSync = InSyncList(number: stored.inSync.number, holders: stored.inSync.holders + [holder])
      return stored
    }

    private func judge(_ batch: PartitionBatch, _ holder: Principal) -> PartitionFence? {
      let stored = current.fences[batch.partition.index]
      if world.mutations.contains(.skipFence), let stored, stored.token != batch.token {
        // What comes is appended behind what is there.
        return PartitionFence(
          token: batch.token, holder: holder, incarnation: batch.incarnation, base: 0,
          sequence: batch.firstSequence - 1)
      }
      if world.mutations.contains(.checkFenceBeforeTransaction),
        var fence = earlier[batch.partition], let stored
      {
        fence.sequence = stored.sequence
        return fence
      }
      return stored
    }
  #else
    private var acceptsOldGrants: Bool { false }
    private var obeysOldOffices: Bool { false }

    private func judge(_ opening: PartitionOpening, _ stored: PartitionFence?) -> PartitionFence? { stored }

    private func judge(_ batch: PartitionBatch, _ holder: Principal) -> PartitionFence? {
      current.fences[batch.partition.index]
    }
  #endif
}
