import Cluster
import Journal
import Wire

/// One data loop's partitions: executes requests, gathers writes for the database and the shadows, and settles
/// them. No I/O, no clock; nothing allocated for a read.
public struct DataCore {
  /// What an append did: answers to give, partitions that another drone has now, and those that are whole again
  /// after a promotion.
  public struct AppendOutcome: Equatable, Sendable {
    public var completions: [Completion] = []
    public var lost: [Holding] = []
    public var recovered: [Holding] = []
  }

  let incarnation: Incarnation
  let level: AcknowledgementLevel
  var bounds: DataBounds
  var partitions = [DataPartition?](repeating: nil, count: Partition.count)
  var loading = [DataPartition?](repeating: nil, count: Partition.count)
  var copyStore: CopyStore
  let journal: Journal?
  /// Where this loop sees the others' partitions, and they its own.
  let shared: SharedPartitions
  /// What is loaded to be put under what an earlier life has left.
  var standing = PartitionSet()
  /// What the database does not have, and who waits for it.
  var shares = BacklogShares()
  var pace: BacklogPace
  /// Bytes that may be acknowledged before the database has them.
  var window: Int
  /// Bytes of answers to reads that wait.
  var waitingReads = 0

  // Memory
  /// Bytes of what is served, or is being loaded.
  var held = 0
  var gate: MemoryGate
  /// What there is under prefixes that have a quota.
  var quotas = QuotaBook()
  /// Bytes that partitions had when there was no room to load more of them.
  var loadNeeds: [Partition: Int] = [:]

  // Appends
  /// Partitions of which the database is to be told something, each once, in the order in which they began to wait.
  var waiting: [Partition] = []
  var isWaiting = [Bool](repeating: false, count: Partition.count)
  /// Somebody waits for the database itself.
  public internal(set) var isUrgent = false
  /// The last append had no room left for this one's next record.
  var overdue: Partition?
  /// The last append had room only for partitions where somebody waits, and this one has waited longest of the others.
  var passedOver: Partition?
  var inFlight: [Flight] = []
  public internal(set) var isAppending = false

  /// No write is taken any more, so that the process can end with everything in the database.
  var isRetiring = false
  /// What the database is owed, if it has said that it is about to end and the session still stands.
  var debts: [Debt]?
  var isDatabaseEnding: Bool { debts != nil }

  // Shadows
  var queues = PeerQueues()
  private(set) var map: SlotMap?
  private(set) var principal: Principal?

  /// The (term, version) of the newest map, for `moved`.
  public var mapTerm = Term.none
  public var mapVersion: UInt64 = 0
  /// The end of the shortest lease under which a read of this batch was answered.
  public internal(set) var batchLeaseEnd = Instant(milliseconds: .max)

  struct Flight {
    let partition: Partition
    let token: FencingToken
    let list: InSyncList?
  }

  /// What is told of earlier lives.
  let losses: [JournalLoss]

  /// - Parameters:
  ///   - level: what writes have to reach whose requests do not say.
  ///   - journal: outlives this process; it has the stands already.
  ///   - stands: what earlier lives of this drone have left.
  ///   - losses: what they had, and have not left.
  ///   - shared: the same for all loops of the drone.
  public init(
    incarnation: Incarnation, level: AcknowledgementLevel = .secured, bounds: DataBounds = DataBounds(),
    journal: Journal? = nil, stands: [JournalStand] = [], losses: [JournalLoss] = [],
    shared: SharedPartitions = SharedPartitions()
  ) {
    self.losses = losses
    self.shared = shared
    self.incarnation = incarnation
    self.level = level
    self.bounds = bounds
    self.journal = journal
    copyStore = CopyStore(bounds: bounds, life: incarnation)
    copyStore.journal = journal
    pace = BacklogPace(bounds: bounds)
    gate = MemoryGate(bounds: bounds)
    window = bounds.backlog
    copyStore.put(stands)
  }

  /// The map decides who owns and who shadows what.
  /// - Parameters:
  ///   - mine: the partitions of this loop.
  ///   - principal: of this drone.
  public mutating func install(_ newer: SlotMap, mine: PartitionSet, principal: Principal) {
    map = newer
    self.principal = principal
    mapTerm = newer.term
    mapVersion = newer.version
    copyStore.install(newer, principal: principal)
    for partition in mine { adjustStreams(of: partition) }
  }

  /// The prefixes of which it limits the keys or bytes are counted from now on.
  /// - Parameter edition: by which `Quota` names it.
  public mutating func install(_ list: AccessList, edition: UInt64) {
    shared.install(edition: edition)
    quotas.install(list, edition: edition, partitions: partitions)
  }

  // MARK: Requests

  public mutating func beginBatch() { batchLeaseEnd = Instant(milliseconds: .max) }

  // `encode` and `write` are two statements: in one, all of the core is copied for the first while the second changes it.
  /// Executes a request on a key. Writes the answer, or has it wait: it comes as a `Completion` then.
  public mutating func execute(
    _ located: borrowing LocatedRequest, client: ClientIncarnation?, replyTo: ReplyAddress,
    quota: Quota? = nil, now: Instant, answers: inout CBORWriter
  ) {
    guard let (partition, key) = located.place else { return }
    switch located.request {
    case .read(let request): read(request, key, in: partition, replyTo, now, &answers)
    case .write(let request):
      let begin = write(request, key, client, replyTo, quota, in: partition, now)
      encode(begin, of: request.kind, for: replyTo, &answers)
    case .introduce, .topology, .unreachable, .status, .administer, .sessions: break
    }
  }

  private mutating func read(
    _ request: ReadRequest, _ key: HashedKey, in partition: Partition, _ replyTo: ReplyAddress,
    _ now: Instant, _ answers: inout CBORWriter
  ) {
    let number = request.number
    if let failure = Self.check(key.bytes) {
      return DataAnswer.failed(number: number, failure).encode(into: &answers)
    }
    guard let data = partitions[partition.index], !data.isRecovering else {
      return refuse(number, partition, &answers)
    }
    // Also while it ends: nobody else serves it before the lease is over or it has been given back.
    guard isLeased(data, now) else {
      return DataAnswer.unavailable(number: number, .leaseOver).encode(into: &answers)
    }
    if data.leaseEnd < batchLeaseEnd { batchLeaseEnd = data.leaseEnd }
    let operation = request.kind.operation
    if operation.isSecured, let sequence = data.unsecuredSequence(of: key) {
      return wait(for: sequence, key, in: data, replyTo, &answers)
    }
    data.answer(number, key, by: operation, &answers)
  }

  /// How a write began.
  private enum Begin {
    /// For its second place.
    case waits
    case done(Outcome)
    case failed(DataAnswer.Failure)
    case unavailable(DataAnswer.Unavailability)
    case unknown
    case notMine
  }

  private mutating func write(
    _ request: WriteRequest, _ key: HashedKey, _ client: ClientIncarnation?, _ replyTo: ReplyAddress,
    _ quota: Quota?, in partition: Partition, _ now: Instant
  ) -> Begin {
    if let failure = Self.check(request.key) { return .failed(failure) }
    if let value = request.value, value.count > Limits.maximumValueLength { return .failed(.valueTooLong) }
    guard let client else { return .failed(.notIntroduced) }
    guard let data = partitions[partition.index], !data.isRecovering else {
      return isOnItsWay(partition) ? .unavailable(.loading) : .notMine
    }
    guard isLeased(data, now), !isRetiring else { return .unavailable(.leaseOver) }
    let (level, digest) = (request.level ?? self.level, WriteDigest.of(request))
    switch data.history.lookUp(request.write, of: client, digest) {
    case .unseen: break
    case .reused: return .failed(.numberReused)
    case .done(let outcome, let sequence):
      guard level == .durable, sequence > data.stored, data.redirect(sequence, to: replyTo) else {
        return .done(outcome)
      }
      data.await(sequence)
      return wait(for: partition, urgently: true)
    case .pending(let sequence):
      _ = data.redirect(sequence, to: replyTo)
      return .waits
    case .forgotten:
      // A first attempt cannot have been executed before, however old its number is.
      if request.isRetry { return .unknown }
    }
    if let refusal = refusal(of: request, by: client, data) { return refusal }
    let record = record(of: request, key, digest, client, mayRead: replyTo.mayRead, data)
    if let quota, !quotas.permits(record, key, by: quota, mayRead: replyTo.mayRead, in: data) {
      return .failed(.quotaReached)
    }
    if !quotas.isEmpty { quotas.note(record, key, in: data) }
    // Whoever waives the second place waits for those before him only.
    let isWaived = level == .memory && data.applied == data.log.end
    let entry = WriteLog.Entry(level: level, since: now, replyTo: isWaived ? nil : replyTo)
    if isWaived { data.apply(record, key, entry) } else { data.queue(record, key, entry) }
    shares.add(of: client.principalMark, record.approximateLength)
    note(in: data)
    held.recount(data)
    markStreams(of: data)
    if isWaived, acknowledge(data, record, replyTo) {
      enqueue(partition, urgently: false)
      return .done(record.outcome)
    }
    return wait(for: partition, urgently: data.needsDatabase || level == .durable)
  }

  /// Why there is no room for a write, if there is none.
  private mutating func refusal(
    of request: WriteRequest, by client: ClientIncarnation, _ data: DataPartition
  ) -> Begin? {
    if isFull(for: client) { return .unavailable(.busy) }
    let value = request.value
    if value != nil, !hasRoomToPut || data.table.isNearlyFull { return .failed(.memoryFull) }
    if value == nil, !hasRoomToDelete { return .unavailable(.busy) }
    return hasRoomInJournal(key: request.key.count, value: value?.count ?? 0) ? nil : .unavailable(.busy)
  }

  /// What the write comes to behind those that are under way. One that changes nothing is a record too: its answer has to
  /// wait like that of every write, since it says something of those before it; and a first attempt that arrives after its
  /// retry was answered must find that out.
  private func record(
    of request: WriteRequest, _ key: HashedKey, _ digest: UInt32, _ client: ClientIncarnation,
    mayRead: Bool, _ data: DataPartition
  ) -> LogRecordView {
    let operation = request.kind.operation
    let effect = data.withCurrentValue(of: key) { operation.effect(of: request, on: $0) }
    return LogRecordView(
      key: key.bytes, change: effect.change, client: client, write: request.write,
      outcome: effect.outcome.told(mayRead: mayRead), digest: digest)
  }

  private mutating func wait(for partition: Partition, urgently: Bool) -> Begin {
    enqueue(partition, urgently: urgently)
    return .waits
  }

  @inline(__always)
  private func isLeased(_ data: DataPartition, _ now: Instant) -> Bool { data.leaseEnd > now }

  private func encode(
    _ begin: Begin, of kind: WriteKind, for replyTo: ReplyAddress, _ answers: inout CBORWriter
  ) {
    let number = replyTo.number
    switch begin {
    case .waits: break
    case .done(let outcome):
      DataAnswer.done(number: number, outcome.told(of: kind).told(mayRead: replyTo.mayRead))
        .encode(into: &answers)
    case .failed(let failure): DataAnswer.failed(number: number, failure).encode(into: &answers)
    case .unavailable(let reason): DataAnswer.unavailable(number: number, reason).encode(into: &answers)
    case .unknown: DataAnswer.outcomeUnknown(number: number).encode(into: &answers)
    case .notMine: sendElsewhere(number, &answers)
    }
  }

  private func sendElsewhere(_ number: UInt64, _ answers: inout CBORWriter) {
    DataAnswer.moved(number: number, term: mapTerm, version: mapVersion).encode(into: &answers)
  }

  private func refuse(_ number: UInt64, _ partition: Partition, _ answers: inout CBORWriter) {
    if isOnItsWay(partition) {
      DataAnswer.unavailable(number: number, .loading).encode(into: &answers)
    } else {
      sendElsewhere(number, &answers)
    }
  }

  /// Not what the newest map gives to another: the database's answer may never come here, and whoever asks would wait
  /// for it for ever.
  private func isOnItsWay(_ partition: Partition) -> Bool {
    guard loading[partition.index] != nil || partitions[partition.index] != nil else { return false }
    guard let owner = map?.owner(of: partition) else { return true }
    return owner.principal == principal
  }

  static func check(_ key: UnsafeRawBufferPointer) -> DataAnswer.Failure? {
    if key.count > Limits.maximumKeyLength { return .keyTooLong }
    return key.isEmpty ? .keyEmpty : nil
  }

  // MARK: Leases

  /// Until when a loaded partition is served; nil when it is not loaded.
  public func leaseEnd(of partition: Partition) -> Instant? {
    guard let data = partitions[partition.index], !data.isRecovering else { return nil }
    return data.leaseEnd
  }

  public func serve(_ set: PartitionSet, until end: Instant) {
    for partition in set {
      guard let data = partitions[partition.index] else { continue }
      data.lease(until: end)
    }
  }
}
