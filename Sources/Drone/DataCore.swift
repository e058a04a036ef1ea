import Cluster
import Wire

/// One data loop's partitions: executes requests, gathers writes for the database, and settles them. No I/O,
/// no clock; nothing allocated for a read.
public struct DataCore {
  /// An answer to a write that had to wait, or to a request whose partition went away.
  public struct Completion: Equatable, Sendable {
    public enum Result: Equatable, Sendable {
      case done(existed: Bool)
      case unavailable(DataAnswer.Unavailability)
    }

    public let origin: Origin
    public let result: Result
  }

  /// What an append did: answers to give, and partitions that another drone has now.
  public struct Settlement: Equatable, Sendable {
    public var completions: [Completion] = []
    public var lost: [Holding] = []
  }

  /// Bytes of writes that may wait for the database before more are turned away.
  public static let maximumBacklog = 64 << 20
  /// Room for records in one append: what a record takes less the heads of 512 partitions' batches.
  static let appendRoom = Limits.maximumPlaintextLength - 64
  private static let batchHead = 64

  private let incarnation: Incarnation
  private var partitions = [DataPartition?](repeating: nil, count: Partition.count)
  private var loading = [DataPartition?](repeating: nil, count: Partition.count)
  private var backlog = 0
  /// Partitions with writes that were not sent, each once, in the order in which they began to wait.
  private var waiting: [Partition] = []
  private var isWaiting = [Bool](repeating: false, count: Partition.count)
  private var inFlight: [(partition: Partition, token: FencingToken)] = []
  public private(set) var isAppending = false
  /// The (term, version) of the newest map, for `moved`.
  public var mapTerm = Term.none
  public var mapVersion: UInt64 = 0
  /// The end of the shortest lease under which a read of this batch was answered.
  public private(set) var batchLeaseEnd = Instant(milliseconds: .max)

  #if KEYVAL_MUTATIONS
    public var mutations: Mutations = []
  #endif

  public init(incarnation: Incarnation) { self.incarnation = incarnation }

  // MARK: Requests

  public mutating func beginBatch() { batchLeaseEnd = Instant(milliseconds: .max) }

  /// Executes a request on a key. Writes the answer, or queues a write whose answer comes as a `Completion`.
  public mutating func execute(
    _ request: DataRequest, in partition: Partition, client: ClientIncarnation?, origin: Origin, now: Instant,
    answers: inout CBORWriter
  ) {
    switch request {
    case .get(let number, let key): get(number, key, in: partition, now, &answers)
    case .put(let number, let write, let retry, let key, let value):
      guard value.count <= Limits.maximumValueLength else {
        return DataAnswer.failed(number: number, .valueTooLong).encode(into: &answers)
      }
      let outcome = self.write(
        key: key, .put(value: []), value: value, write: write, retry: retry, in: partition, client: client,
        origin: origin, now: now)
      encode(outcome, number, &answers)
    case .delete(let number, let write, let retry, let key):
      let outcome = self.write(
        key: key, .delete, value: nil, write: write, retry: retry, in: partition, client: client,
        origin: origin,
        now: now)
      encode(outcome, number, &answers)
    case .introduce, .topology, .status:
      break
    }
  }

  private mutating func get(
    _ number: UInt64, _ key: UnsafeRawBufferPointer, in partition: Partition, _ now: Instant,
    _ answers: inout CBORWriter
  ) {
    if let failure = Self.check(key) {
      return DataAnswer.failed(number: number, failure).encode(into: &answers)
    }
    guard let data = partitions[partition.index] else { return refuse(number, partition, &answers) }
    guard isLeased(data, now) else {
      return DataAnswer.unavailable(number: number, .leaseOver).encode(into: &answers)
    }
    if data.leaseEnd < batchLeaseEnd { batchLeaseEnd = data.leaseEnd }
    data.table.withValue(of: key) { value in
      if let value {
        DataAnswer.value(number: number, value).encode(into: &answers)
      } else {
        DataAnswer.notFound(number: number).encode(into: &answers)
      }
    }
  }

  /// How a write began: nil means that it waits for the database.
  private enum Begin {
    case waits
    case done(existed: Bool)
    case failed(DataAnswer.Failure)
    case unavailable(DataAnswer.Unavailability)
    case unknown
    case notMine
  }

  private mutating func write(
    key: UnsafeRawBufferPointer, _ change: LogRecord.Change, value: UnsafeRawBufferPointer?, write: UInt64,
    retry: Bool, in partition: Partition, client: ClientIncarnation?, origin: Origin, now: Instant
  ) -> Begin {
    if let failure = Self.check(key) { return .failed(failure) }
    guard let client else { return .failed(.notIntroduced) }
    guard let data = partitions[partition.index] else {
      return loading[partition.index] == nil ? .notMine : .unavailable(.loading)
    }
    guard isLeased(data, now) else { return .unavailable(.leaseOver) }
    switch past(of: write, by: client, in: data) {
    case .unseen: break
    case .done(let existed): return .done(existed: existed)
    case .pending(let sequence):
      data.redirect(sequence, to: origin)
      return .waits
    case .forgotten:
      // A first attempt cannot have been executed before, however old its number is.
      if retry { return .unknown }
    }
    guard backlog < Self.maximumBacklog else { return .unavailable(.busy) }
    let change = value.map { LogRecord.Change.put(value: [UInt8]($0)) } ?? change
    backlog += data.queue(key: [UInt8](key), change: change, client: client, write: write, origin: origin)
    wait(for: partition)
    #if KEYVAL_MUTATIONS
      if mutations.contains(.acknowledgeEarly) { return .done(existed: false) }
    #endif
    return .waits
  }

  @inline(__always)
  private func isLeased(_ data: DataPartition, _ now: Instant) -> Bool {
    #if KEYVAL_MUTATIONS
      if mutations.contains(.ignoreLeaseExpiry) { return true }
    #endif
    return data.leaseEnd > now
  }

  private func past(
    of write: UInt64, by client: ClientIncarnation, in data: DataPartition
  ) -> WriteHistory.Past {
    #if KEYVAL_MUTATIONS
      if mutations.contains(.applyRetryTwice) { return .unseen }
    #endif
    return data.history.past(of: write, by: client)
  }

  private func encode(_ begin: Begin, _ number: UInt64, _ answers: inout CBORWriter) {
    switch begin {
    case .waits: break
    case .done(let existed): DataAnswer.done(number: number, existed: existed).encode(into: &answers)
    case .failed(let failure): DataAnswer.failed(number: number, failure).encode(into: &answers)
    case .unavailable(let reason): DataAnswer.unavailable(number: number, reason).encode(into: &answers)
    case .unknown: DataAnswer.outcomeUnknown(number: number).encode(into: &answers)
    case .notMine:
      DataAnswer.moved(number: number, term: mapTerm, version: mapVersion).encode(into: &answers)
    }
  }

  private func refuse(_ number: UInt64, _ partition: Partition, _ answers: inout CBORWriter) {
    if loading[partition.index] != nil {
      DataAnswer.unavailable(number: number, .loading).encode(into: &answers)
    } else {
      encode(.notMine, number, &answers)
    }
  }

  private static func check(_ key: UnsafeRawBufferPointer) -> DataAnswer.Failure? {
    if key.count > Limits.maximumKeyLength { return .keyTooLong }
    return key.isEmpty ? .keyEmpty : nil
  }

  // MARK: Writes to the database

  public var hasWaiting: Bool { !waiting.isEmpty }

  private mutating func wait(for partition: Partition) {
    guard !isWaiting[partition.index] else { return }
    isWaiting[partition.index] = true
    waiting.append(partition)
  }

  /// The next append: everything that waits, as far as it fits one record. Empty when nothing waits, or when
  /// the one before has not been answered.
  public mutating func takeAppend() -> [PartitionBatch] {
    guard !isAppending else { return [] }
    var room = Self.appendRoom
    var batches: [PartitionBatch] = []
    var rest: [Partition] = []
    for partition in waiting {
      guard let data = partitions[partition.index], data.hasUnsent else {
        isWaiting[partition.index] = false
        continue
      }
      room -= Self.batchHead
      if let batch = data.takeBatch(incarnation: incarnation, room: &room) {
        batches.append(batch)
        inFlight.append((partition, data.token))
      }
      if data.hasUnsent { rest.append(partition) } else { isWaiting[partition.index] = false }
    }
    waiting = rest
    isAppending = !batches.isEmpty
    return batches
  }

  public mutating func settle(_ results: [StoreAnswer.PartitionResult]) -> Settlement {
    var settlement = Settlement()
    for result in results {
      guard let flight = inFlight.first(where: { $0.partition == result.partition }),
        let data = partitions[result.partition.index], data.token == flight.token
      else { continue }
      switch result.result {
      case .stored(let sequence) where sequence <= data.handed:
        var length = 0
        data.store(through: sequence) { write in
          length += write.record.approximateLength
          settlement.completions.append(
            Completion(origin: write.origin, result: .done(existed: write.record.existed)))
        }
        backlog -= length
      case .stored, .fenced, .gap:
        // Somebody else has it, or this copy is not what the database has (more, say, than it was ever sent
        // from here): either way it is given up, and what waits is asked of the next owner, which knows what
        // was stored.
        settlement.completions += abandon(result.partition)
        settlement.lost.append(Holding(token: data.token, partitions: [result.partition]))
      }
    }
    // What the answer left open goes out again.
    retryAppend()
    return settlement
  }

  /// The append may not have reached the database: it goes out again, and the database recognises what it has.
  public mutating func retryAppend() {
    for flight in inFlight {
      guard let data = partitions[flight.partition.index], data.token == flight.token else { continue }
      data.unsend()
      if data.hasUnsent { wait(for: flight.partition) }
    }
    inFlight.removeAll(keepingCapacity: true)
    isAppending = false
  }

  // MARK: Partitions

  public mutating func beginLoading(_ partitions: PartitionSet, token: FencingToken) {
    for partition in partitions {
      loading[partition.index] = DataPartition(partition: partition, token: token)
    }
  }

  /// Whether this partition is being loaded under this token.
  public func isLoading(_ partition: Partition, token: FencingToken) -> Bool {
    loading[partition.index]?.token == token
  }

  public func load(_ entries: [StoredEntry], into partition: Partition, token: FencingToken) {
    guard let data = loading[partition.index], data.token == token else { return }
    for entry in entries { data.table.set(entry.key, entry.value, entry.version) }
  }

  /// Serves the partition from the next lease on. False when it is not being loaded under this token.
  public mutating func finishLoading(
    _ partition: Partition, token: FencingToken, sequence: UInt64, outcomes: [WriteOutcome],
    forgotten: [ForgottenWrites]
  ) -> Bool {
    guard let data = loading[partition.index], data.token == token else { return false }
    data.finishLoading(sequence: sequence, history: WriteHistory(outcomes: outcomes, forgotten: forgotten))
    loading[partition.index] = nil
    partitions[partition.index] = data
    return true
  }

  public mutating func abandonLoading(_ partitions: PartitionSet, token: FencingToken) {
    for partition in partitions where loading[partition.index]?.token == token {
      loading[partition.index] = nil
    }
  }

  /// Until when a loaded partition is served; nil when it is not loaded.
  public func leaseEnd(of partition: Partition) -> Instant? { partitions[partition.index]?.leaseEnd }

  public func serve(_ set: PartitionSet, until end: Instant) {
    for partition in set {
      guard let data = partitions[partition.index] else { continue }
      data.leaseEnd = max(data.leaseEnd, end)
    }
  }

  /// Stops serving. Writes that wait are answered so that the client asks the next owner, as a retry: the
  /// database may have some of them already.
  public mutating func close(_ set: PartitionSet) -> [Completion] {
    var completions: [Completion] = []
    for partition in set { completions += abandon(partition) }
    return completions
  }

  private mutating func abandon(_ partition: Partition) -> [Completion] {
    guard let data = partitions[partition.index] else { return [] }
    partitions[partition.index] = nil
    return data.abandon().map { write in
      backlog -= write.record.approximateLength
      return Completion(origin: write.origin, result: .unavailable(.released))
    }
  }
}
