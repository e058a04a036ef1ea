import Synchronization

/// One of the callers that write and read without a pause: a task with keys of its own.
final class Caller: Sendable {
  let tag: String
  private let store: any Store
  private let ledger: Mutex<Ledger>
  private let isStopped = Atomic<Bool>(false)
  /// Sets the keys of one load apart from those of the next.
  private let load: String

  private static let keys = 8

  init(tag: String, load: String, store: any Store) {
    self.tag = tag
    self.load = load
    self.store = store
    ledger = Mutex(Ledger(keys: Self.keys, now: .now))
  }

  var requests: Int { ledger.withLock { $0.requests } }
  var failures: [String] { ledger.withLock { $0.failures } }
  var servedSinceMark: Int { ledger.withLock { $0.servedSinceMark } }
  var longestGap: Duration { ledger.withLock { $0.longestGap } }
  var longestGapEnd: ContinuousClock.Instant { ledger.withLock { $0.longestGapEnd } }
  func mark(_ now: ContinuousClock.Instant) { ledger.withLock { $0.mark(now) } }
  func stop() { isStopped.store(true, ordering: .relaxed) }

  /// A key with the caller's tag: the tag alone decides where it is.
  private func key(_ index: Int) -> String { "{\(tag)}\(load).\(index)" }
  private static func value(_ number: UInt64) -> String {
    let digits = String(number)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }
  private static func number(_ value: String?) throws -> UInt64? {
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
        ledger.succeeded(begunAt: begun, now: .now)
        ledger.entries[index].acknowledge(number)
      }
    } catch {
      ledger.withLock { ledger in
        ledger.failed("put: \(error)")
        ledger.entries[index].fail(number)
      }
    }
  }

  /// Reads all keys again. How many acknowledged writes are not there, and how many reads showed less than had been
  /// acknowledged although it is there in the end.
  func audit() async throws -> (lost: Int, stale: Int) {
    var result = (lost: 0, stale: 0)
    for index in 0..<Self.keys {
      let value = try Self.number(await store.get(key(index)))
      let entry = ledger.withLock { $0.entries[index] }
      let lost = entry.lost(by: value)
      result.lost += lost
      if entry.isDisputed, lost == 0 { result.stale += 1 }
    }
    await store.close()
    return result
  }
}
