import Measuring
import Synchronization

/// One of the callers that write and read without a pause: a task with keys of its own.
final class Caller: Sendable {
  let tag: String
  private let store: any Store
  private let ledger: Mutex<Ledger>
  private let isStopped = Atomic<Bool>(false)
  /// Sets the keys of one load apart from those of the next.
  private let load: String

  static let keys = 8

  /// - Parameter isRecorded: whether it keeps when each write was acknowledged.
  init(tag: String, load: String, isRecorded: Bool = false, store: any Store) {
    self.tag = tag
    self.load = load
    self.store = store
    ledger = Mutex(Ledger(keys: Self.keys, isRecorded: isRecorded, now: .now))
  }

  var requests: Int { ledger.withLock { $0.requests } }
  var failures: [String] { ledger.withLock { $0.failures } }
  var servedSinceMark: Int { ledger.withLock { $0.servedSinceMark } }
  var longestGap: Duration { ledger.withLock { $0.longestGap } }
  var longestGapEnd: ContinuousClock.Instant { ledger.withLock { $0.longestGapEnd } }
  var acknowledgedSinceMark: Int { ledger.withLock { $0.acknowledgedSinceMark } }
  var lastAcknowledged: ContinuousClock.Instant? { ledger.withLock { $0.lastAcknowledged } }
  func mark(_ now: ContinuousClock.Instant) { ledger.withLock { $0.mark(now) } }
  func stop() { isStopped.store(true, ordering: .relaxed) }

  /// A key with the caller's tag: the tag alone decides where it is.
  static func key(_ index: Int, of tag: String, in load: String) -> String { "{\(tag)}\(load).\(index)" }
  private func key(_ index: Int) -> String { Self.key(index, of: tag, in: load) }
  private static func value(_ number: UInt64) -> String {
    let digits = String(number)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }
  static func number(_ value: String?) throws -> UInt64? {
    guard let value else { return nil }
    guard let number = UInt64(value) else { throw BenchmarkError("somebody else's value was read: \(value)") }
    return number
  }

  /// Reads and writes one key after the other until it is stopped.
  func run() async {
    var turn = 0
    while !isStopped.load(ordering: .relaxed) {
      let index = turn % Self.keys
      turn += 1
      guard await read(index) else { continue }
      await write(index)
    }
  }

  /// - Returns: whether the key may be written.
  private func read(_ index: Int) async -> Bool {
    let begun = ContinuousClock.now
    do {
      let value = try Self.number(await store.get(key(index)))
      return ledger.withLock { ledger in
        ledger.succeeded(begunAt: begun, now: .now)
        if !ledger.entries[index].isPlausible(value) { ledger.entries[index].isDisputed = true }
        return !ledger.entries[index].isDisputed
      }
    } catch {
      ledger.withLock { $0.failed("get: \(error)") }
      return false
    }
  }

  private func write(_ index: Int) async {
    let number = ledger.withLock { $0.entries[index].attempt() }
    let begun = ContinuousClock.now
    do {
      try await store.put(key(index), Self.value(number))
      ledger.withLock { ledger in
        let now = ContinuousClock.now
        ledger.succeeded(begunAt: begun, now: now)
        ledger.acknowledged(number, of: index, now: now)
      }
    } catch {
      ledger.withLock { ledger in
        ledger.failed("put: \(error)")
        ledger.entries[index].fail(number)
      }
    }
  }

  struct Audit {
    /// How many acknowledged writes are not there.
    var lost = 0
    /// How many reads showed less than had been acknowledged although it is there in the end.
    var stale = 0
    /// What was recorded, of the keys that lost nothing.
    var acknowledgements: [Acknowledgement] = []
  }

  /// Reads all keys again.
  func audit() async throws -> Audit {
    var result = Audit()
    for index in 0..<Self.keys {
      let value = try Self.number(await store.get(key(index)))
      let entry = ledger.withLock { $0.entries[index] }
      let lost = entry.lost(by: value)
      result.lost += lost
      guard lost == 0 else { continue }
      if entry.isDisputed { result.stale += 1 }
      result.acknowledgements += ledger.withLock { $0.record[index] ?? [] }.map {
        Acknowledgement(key: key(index), number: $0.number, at: $0.at)
      }
    }
    await store.close()
    return result
  }
}
