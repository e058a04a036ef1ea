import Cluster
import Wire

@testable import Drone

extension DataCore.Completion.Answer {
  static func done(existed: Bool?) -> Self { .done(.written(existed: existed)) }
}

/// An answer that outlives its bytes.
enum Answer: Equatable {
  case value([UInt8])
  case versioned([UInt8], Version)
  case notFound
  case done(Outcome)
  case moved(version: UInt64)
  case unavailable(DataAnswer.Unavailability)
  case failed(DataAnswer.Failure)
  case outcomeUnknown

  static func done(existed: Bool?) -> Answer { .done(.written(existed: existed)) }

  /// Nil for answers that are about no key.
  init?(_ bytes: [UInt8]) {
    let answer = bytes.withUnsafeBytes { buffer -> Answer? in
      var reader = CBORReader(buffer)
      return switch try! DataAnswer(from: &reader) {
      case .value(_, let value): .value([UInt8](value))
      case .notFound: .notFound
      case .versioned(_, let value, let version): .versioned([UInt8](value), version)
      case .done(_, let outcome): .done(outcome)
      case .moved(_, _, let version): .moved(version: version)
      case .unavailable(_, let reason): .unavailable(reason)
      case .failed(_, let failure): .failed(failure)
      case .outcomeUnknown: .outcomeUnknown
      case .topology, .status, .administered, .sessions, .limited: nil
      }
    }
    guard let answer else { return nil }
    self = answer
  }
}

/// A data core with a clock, a client, and a database that keeps what it is sent.
struct TestLoop {
  static let incarnation = Incarnation(77)
  var core = DataCore(incarnation: incarnation)
  var now = Instant(milliseconds: 1000)
  var lastNumber: UInt64 = 0
  /// Whether the client may read the keys that it writes.
  var mayRead = true
  /// What its line of the access list limits.
  var quota: Quota?
  /// What a database would have, by partition.
  var stored: [Partition: [LogRecord]] = [:]

  static let client = ClientIncarnation(high: 1, low: 1)

  /// A loop that serves partitions 0 to 9.
  init(serving numbers: Range<Int> = 0..<10, bounds: DataBounds = DataBounds()) {
    core = DataCore(incarnation: Self.incarnation, bounds: bounds)
    load(numbers, Names.token(1, 1))
    core.serve(Names.set(numbers), until: now + 2000)
  }

  mutating func load(
    _ numbers: Range<Int>, _ token: FencingToken, sequence: UInt64 = 0, past: PastWrites = PastWrites(),
    entries: [StoredEntry] = []
  ) {
    _ = core.beginOpening(Names.set(numbers), token: token, mode: .load)
    for number in numbers {
      core.load(entries, into: Names.partition(number), token: token)
      _ = core.finishLoading(
        Names.partition(number), token: token, sequence: sequence, past: past)
    }
  }

  private mutating func execute(_ partition: Int, _ client: ClientIncarnation?, _ request: DataRequest)
    -> Answer?
  {
    var writer = CBORWriter()
    let replyTo = ReplyAddress(loop: 0, connection: 5, number: lastNumber, mayRead: mayRead)
    core.execute(
      LocatedRequest(request, in: Names.partition(partition)), client: client, replyTo: replyTo, quota: quota,
      now: now,
      answers: &writer)
    return writer.bytes.isEmpty ? nil : Answer(writer.bytes)
  }

  mutating func get(_ key: String, _ partition: Int = 0) -> Answer? {
    lastNumber += 1
    return [UInt8](key.utf8).withUnsafeBytes {
      execute(partition, nil, .get(number: lastNumber, key: $0))
    }
  }

  /// Nil: the answer comes later, to the number that `lastNumber` is now.
  mutating func put(
    _ key: [UInt8], _ value: [UInt8], _ partition: Int = 0, write: UInt64, retry: Bool = false,
    client: ClientIncarnation? = client
  ) -> Answer? {
    lastNumber += 1
    return key.withUnsafeBytes { key in
      value.withUnsafeBytes { value in
        execute(
          partition, client,
          .put(number: lastNumber, write: write, retry: retry, key: key, value: value))
      }
    }
  }

  mutating func put(
    _ key: String, _ value: String, _ partition: Int = 0, write: UInt64, retry: Bool = false,
    client: ClientIncarnation? = client
  ) -> Answer? {
    put([UInt8](key.utf8), [UInt8](value.utf8), partition, write: write, retry: retry, client: client)
  }

  /// - Parameter expected: nil: the key has no value.
  mutating func compareAndPut(
    _ key: String, _ expected: String?, _ value: String, _ partition: Int = 0, write: UInt64,
    retry: Bool = false
  ) -> Answer? {
    lastNumber += 1
    func request(_ expected: UnsafeRawBufferPointer?) -> Answer? {
      [UInt8](key.utf8).withUnsafeBytes { key in
        [UInt8](value.utf8).withUnsafeBytes { value in
          execute(
            partition, Self.client,
            .compareAndPut(
              number: lastNumber, write: write, retry: retry, key: key, expected: expected, value: value))
        }
      }
    }
    guard let expected else { return request(nil) }
    return [UInt8](expected.utf8).withUnsafeBytes(request)
  }

  mutating func delete(_ key: String, _ partition: Int = 0, write: UInt64) -> Answer? {
    lastNumber += 1
    return [UInt8](key.utf8).withUnsafeBytes {
      execute(
        partition, Self.client, .delete(number: lastNumber, write: write, retry: false, key: $0))
    }
  }

  /// The database takes an append as it should: what it has already it skips.
  mutating func store(_ batches: [PartitionBatch]) -> [StoreAnswer.PartitionResult] {
    batches.map { batch in
      let have = stored[batch.partition, default: []].count
      let skipped = have - Int(batch.firstSequence - 1)
      precondition(skipped >= 0, "a gap")
      stored[batch.partition, default: []] += batch.records.dropFirst(skipped)
      let through = UInt64(stored[batch.partition]?.count ?? 0)
      return StoreAnswer.PartitionResult(partition: batch.partition, result: .stored(through: through))
    }
  }

  /// One append, stored and answered.
  @discardableResult
  mutating func commit() -> DataCore.AppendOutcome {
    let results = store(core.takeAppend())
    return core.appended(results)
  }

  func done(_ number: UInt64, existed: Bool) -> DataCore.Completion {
    DataCore.Completion(
      replyTo: ReplyAddress(loop: 0, connection: 5, number: number), .done(.written(existed: existed)))
  }

  func compared(_ number: UInt64, matched: Bool) -> DataCore.Completion {
    DataCore.Completion(
      replyTo: ReplyAddress(loop: 0, connection: 5, number: number), .done(.compared(matched: matched)))
  }

  func released(_ number: UInt64) -> DataCore.Completion {
    DataCore.Completion(
      replyTo: ReplyAddress(loop: 0, connection: 5, number: number), .unavailable(.released))
  }
}
