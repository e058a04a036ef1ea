import ClusterFixture
import Keyval
import Synchronization

/// Writers and readers that go on while a cluster is being harmed, and a ledger of what was promised to them.
///
/// A writer puts keys of its own, each once, and rewrites one key with growing numbers. A reader reads what has been
/// acknowledged: an answer older than what was acknowledged before it asked breaks linearizability.
final class Workload: Sendable {
  private struct Register {
    /// Of the last write that was acknowledged, and of the last that was tried.
    var acknowledged: Int
    var tried: Int
  }

  private struct Ledger {
    var acknowledged: [String] = []
    var registers: [String: Register] = [:]
    /// How many writes of each writer were acknowledged.
    var progress: [Int]
    var reads = 0
    var failures: [String] = []
    var violations: [String] = []
    var longest = Duration.zero
  }

  private let client: KeyvalClient
  private let name: String
  private let pause: Duration
  private let level: AcknowledgementLevel
  private let ledger: Mutex<Ledger>
  private let tasks = Mutex<[Task<Void, Never>]>([])

  /// - Parameters:
  ///   - pause: between two operations of one writer or reader, so that the processes of a small machine get their
  ///     turn.
  ///   - level: of the writes.
  init(
    _ client: KeyvalClient, name: String = "load", writers: Int = 4, readers: Int = 4,
    pause: Duration = .milliseconds(5), level: AcknowledgementLevel = .secured
  ) {
    self.client = client
    self.name = name
    self.pause = pause
    self.level = level
    ledger = Mutex(Ledger(progress: Array(repeating: 0, count: writers)))
    for writer in 0..<writers { run { await self.write(writer) } }
    for _ in 0..<readers { run { await self.read() } }
  }

  private func run(_ body: @escaping @Sendable () async -> Void) {
    let task = Task { await body() }
    tasks.withLock { $0.append(task) }
  }

  /// Ends writers and readers, and waits for them.
  func stop() async {
    let all = tasks.withLock { tasks in
      defer { tasks = [] }
      return tasks
    }
    for task in all { task.cancel() }
    for task in all { await task.value }
  }

  // MARK: What has happened

  var acknowledged: Int { ledger.withLock { $0.acknowledged.count } }
  var progress: [Int] { ledger.withLock { $0.progress } }
  /// Reads that gave no answer in time, and writes that failed for certain.
  var failures: [String] { ledger.withLock { $0.failures } }
  /// Answers that may not be.
  var violations: [String] { ledger.withLock { $0.violations } }
  /// The longest that an operation took.
  var longest: Duration { ledger.withLock { $0.longest } }

  /// Whether every writer has come further by so many writes.
  func hasAdvanced(by count: Int, since earlier: [Int]) -> Bool {
    zip(progress, earlier).allSatisfy { $0 >= $1 + count }
  }

  /// Reads everything back; gives what is lost or wrong.
  func lost(by client: KeyvalClient) async throws -> [String] {
    let (keys, registers) = ledger.withLock { ($0.acknowledged, $0.registers) }
    var wrong = try await Self.readAll(keys, by: client).filter { $0.value != $0.key }.map {
      "\($0.key) is \($0.value ?? "gone")"
    }
    for (key, value) in try await Self.readAll(registers.keys.sorted(), by: client) {
      guard let register = registers[key], register.acknowledged > 0 || value != nil else { continue }
      if !(register.acknowledged...register.tried).contains(value.flatMap(Int.init) ?? -1) {
        wrong.append(
          "\(key) is \(value ?? "gone"), not \(register.acknowledged)...\(register.tried)")
      }
    }
    return wrong
  }

  private static func readAll(
    _ keys: [String], by client: KeyvalClient
  ) async throws -> [(key: String, value: String?)] {
    try await withThrowingTaskGroup(of: (String, String?).self) { group in
      var results: [(String, String?)] = []
      for (index, key) in keys.enumerated() {
        if index >= 256, let result = try await group.next() { results.append(result) }
        group.addTask { (key, try await client.getString(key)) }
      }
      for try await result in group { results.append(result) }
      return results
    }
  }

  /// - Throws: what failed and when, so that the fixture shows the logs beside it.
  func requireNoFailures() throws {
    let failures = ledger.withLock { $0.failures }
    guard failures.isEmpty else {
      throw ClusterFixtureError("failed: \(failures.joined(separator: "\n"))")
    }
  }

  // MARK: Writers and readers

  private func write(_ writer: Int) async {
    var epoch = 0
    for number in 1... {
      let key = "\(name)/\(writer)/\(number)"
      let register = "\(name)/register/\(writer)/\(epoch)"
      if await attempt(write: true, { _ = try await self.client.put(key, key, level: self.level) }) == .done {
        ledger.withLock { $0.acknowledged.append(key) }
      }
      ledger.withLock { $0.registers[register, default: Register(acknowledged: 0, tried: 0)].tried = number }
      switch await attempt(
        write: true, { _ = try await self.client.put(register, String(number), level: self.level) })
      {
      case .done:
        ledger.withLock {
          $0.registers[register]?.acknowledged = number
          $0.progress[writer] += 1
        }
      // It may yet be executed, after later ones: nothing more can be said about this key.
      case .unknown: epoch += 1
      case .failed: break
      }
      if Task.isCancelled { return }
      try? await Task.sleep(for: pause)
    }
  }

  private func read() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: pause)
      let (key, before) = ledger.withLock { ledger -> (String?, Int?) in
        if Bool.random(), let (key, register) = ledger.registers.randomElement() {
          return (key, register.acknowledged)
        }
        return (ledger.acknowledged.randomElement(), nil)
      }
      guard let key else { continue }
      await attempt(write: false) {
        let value = try await self.client.getString(key)
        self.judge(key, value, acknowledgedBefore: before)
      }
    }
  }

  private func judge(_ key: String, _ value: String?, acknowledgedBefore before: Int?) {
    ledger.withLock { ledger in
      ledger.reads += 1
      guard let before else {
        if value != key { ledger.violations.append("\(key) was read as \(value ?? "nothing")") }
        return
      }
      let tried = ledger.registers[key]?.tried ?? 0
      let number = value.flatMap(Int.init) ?? 0
      if !(before...tried).contains(number) {
        ledger.violations.append("\(key) was read as \(number), not \(before)...\(tried)")
      }
    }
  }

  private enum Outcome { case done, unknown, failed }

  @discardableResult
  private func attempt(write: Bool, _ body: () async throws -> Void) async -> Outcome {
    let start = ContinuousClock.now
    defer { ledger.withLock { $0.longest = max($0.longest, ContinuousClock.now - start) } }
    do {
      try await body()
      return .done
    } catch is CancellationError {
      return .unknown
    } catch KeyvalError.closed {
      return .unknown
    } catch KeyvalError.outcomeUnknown where write {
      return .unknown
    } catch KeyvalError.deadlineExceeded(outcomeUnknown: true, _) where write {
      return .unknown
    } catch {
      let took = ContinuousClock.now - start
      ledger.withLock { $0.failures.append("\(ClusterFixture.clock), after \(took): \(error)") }
      return .failed
    }
  }
}
