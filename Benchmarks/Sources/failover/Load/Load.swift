import Measuring

/// The client loop, the same for every store: many callers, each with one request under way at any time.
struct Load {
  let callers: [Caller]
  let onlookers: [Onlooker]
  private let tasks: [Task<Void, any Error>]
  private let begun = ContinuousClock.now

  /// What came of it.
  struct Outcome: Codable, Sendable {
    var requests = 0
    var failures: [String] = []
    /// Acknowledged writes that were not there in the end.
    var lost = 0
    /// Reads that showed less than had been acknowledged, where the write is there in the end.
    var stale = 0
    /// Of callers that are recorded, for those who read elsewhere.
    var acknowledgements: [Acknowledgement] = []
    /// Of onlookers.
    var sightings: [Sighting] = []
  }

  /// - Parameters:
  ///   - tags: one a caller.
  ///   - name: sets the keys apart from those of other loads.
  ///   - recorded: of these it is kept when each write was acknowledged.
  ///   - watched: tags of callers elsewhere, in a load of the same name; one an onlooker.
  ///   - store: makes a caller's client.
  init(
    _ tags: [String], name: String = Load.newName(), recorded: Set<String> = [], watched: [String] = [],
    _ store: (Int) -> any Store
  ) {
    let callers = tags.enumerated().map {
      Caller(tag: $1, load: name, isRecorded: recorded.contains($1), store: store($0))
    }
    let onlookers = watched.enumerated().map {
      Onlooker(tag: $1, load: name, store: store(tags.count + $0))
    }
    tasks =
      callers.map { caller in Task { await caller.run() } }
      + onlookers.map { onlooker in Task { try await onlooker.run() } }
    self.callers = callers
    self.onlookers = onlookers
  }

  static func newName() -> String { String(UInt32.random(in: 0...UInt32.max), radix: 36) }

  /// Runs the body under the load; when it throws, the callers are stopped.
  func during<Result>(_ body: () async throws -> Result) async throws -> Result {
    do {
      return try await body()
    } catch {
      stop()
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
    for onlooker in onlookers { onlooker.mark() }
  }

  func stop() {
    for caller in callers { caller.stop() }
    for onlooker in onlookers { onlooker.stop() }
  }

  /// Requests a second since the load began.
  var rate: Double {
    Double(callers.reduce(0) { $0 + $1.requests }) / ((ContinuousClock.now - begun) / .seconds(1))
  }

  /// Stops the callers and reads everything again.
  func finish() async throws -> Outcome {
    stop()
    for task in tasks { try await task.value }
    var outcome = Outcome()
    for caller in callers {
      outcome.requests += caller.requests
      outcome.failures += caller.failures
    }
    for onlooker in onlookers {
      outcome.failures += onlooker.failures
      outcome.sightings += onlooker.sightings
      await onlooker.close()
    }
    let audits = try await withThrowingTaskGroup(of: Caller.Audit.self) { group in
      for caller in callers { group.addTask { try await caller.audit() } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    for audit in audits {
      outcome.lost += audit.lost
      outcome.stale += audit.stale
      outcome.acknowledgements += audit.acknowledgements
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
