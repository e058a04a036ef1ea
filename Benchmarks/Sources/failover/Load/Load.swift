/// The client loop, the same for every store: many callers, each with one request under way at any time.
struct Load {
  let callers: [Caller]
  private let tasks: [Task<Void, Never>]
  private let begun = ContinuousClock.now

  /// What came of it.
  struct Outcome {
    var requests = 0
    var failures: [String] = []
    /// Acknowledged writes that were not there in the end.
    var lost = 0
    /// Reads that showed less than had been acknowledged, where the write is there in the end.
    var stale = 0
  }

  /// - Parameter store: makes a caller's client.
  init(_ keys: KeySet, _ store: (Int) -> any Store) {
    let name = String(UInt32.random(in: 0...UInt32.max), radix: 36)
    callers = keys.tags.enumerated().map { Caller(tag: $1, load: name, store: store($0)) }
    tasks = callers.map { caller in Task { await caller.run() } }
  }

  /// Runs the body under the load; when it throws, the callers are stopped.
  func during<Result>(_ body: () async throws -> Result) async throws -> Result {
    do {
      return try await body()
    } catch {
      for caller in callers { caller.stop() }
      throw error
    }
  }

  /// Waits until the load is in flow, and then a while that differs, so that nothing happens in step with a heartbeat.
  func warmUp() async throws {
    try await awaitServed(times: 32, within: .seconds(60))
    try await goOn(for: .milliseconds(.random(in: 0...500)))
  }

  /// Leaves the callers to themselves for a while.
  func goOn(for time: Duration) async throws { try await Task.sleep(for: time) }

  /// Waits until every caller, or every one of some, has been served a number of times since the mark.
  func awaitServed(_ some: [Caller]? = nil, times: Int, within limit: Duration) async throws {
    try await eventually("every caller is served", within: limit) {
      (some ?? callers).allSatisfy { $0.servedSinceMark >= times }
    }
  }

  func mark() {
    let now = ContinuousClock.now
    for caller in callers { caller.mark(now) }
  }

  /// Requests a second since the load began.
  var rate: Double {
    Double(callers.reduce(0) { $0 + $1.requests }) / ((ContinuousClock.now - begun) / .seconds(1))
  }

  /// Stops the callers and reads everything again.
  func finish() async throws -> Outcome {
    for caller in callers { caller.stop() }
    for task in tasks { await task.value }
    var outcome = Outcome()
    for caller in callers {
      outcome.requests += caller.requests
      outcome.failures += caller.failures
    }
    let audits = try await withThrowingTaskGroup(of: (lost: Int, stale: Int).self) { group in
      for caller in callers { group.addTask { try await caller.audit() } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    for audit in audits {
      outcome.lost += audit.lost
      outcome.stale += audit.stale
    }
    return outcome
  }
}

/// Asks until the condition holds. An error of the condition counts as “not yet”.
/// - Throws: `BenchmarkError` when the time is over, with the last error.
func eventually(
  _ what: String, within limit: Duration, every pause: Duration = .milliseconds(5),
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  var problem: (any Error)?
  repeat {
    do {
      if try await condition() { return }
      problem = nil
    } catch {
      problem = error
    }
    try await Task.sleep(for: pause)
  } while ContinuousClock.now < deadline
  throw BenchmarkError("it did not come about within \(limit) that \(what)\(problem.map { ": \($0)" } ?? "")")
}
