import Keyval
import Load
import Measuring

/// Gets and puts of one drone, beside one `redis-server`.
struct SingleTrials {
  private let cluster: MeasuredCluster
  private let redis: RedisServers
  private let pace: Pace

  init(_ cluster: MeasuredCluster, _ redis: RedisServers, _ pace: Pace) {
    self.cluster = cluster
    self.redis = redis
    self.pace = pace
  }

  /// One of the rows.
  struct Kind: Sendable {
    let name: String
    let mix: OperationMix
    let level: AcknowledgementLevel
    let depth: Int
    /// Requests a second; nil: as many as are answered.
    var rate: UInt64?

    static let memory = [
      Kind(name: "get pipeline=1", mix: .get, level: .memory, depth: 1),
      Kind(name: "get pipeline=16", mix: .get, level: .memory, depth: 16),
      Kind(name: "put pipeline=1", mix: .put, level: .memory, depth: 1),
      Kind(name: "put pipeline=16", mix: .put, level: .memory, depth: 16),
    ]
    static let paced = "get:put=9:1 at 70 % of saturation"
    static let secured = Kind(name: "secured put pipeline=16", mix: .put, level: .secured, depth: 16)
    static let durable = Kind(name: "durable put pipeline=16", mix: .put, level: .durable, depth: 16)
  }

  /// Puts all keys on both sides.
  func load(_ generator: LoadGenerator, _ load: RedisLoad) async throws {
    let plan = LoadPlan(
      mix: .put, keys: pace.keys, valueBytes: Pace.valueBytes, level: .memory, depth: 16)
    _ = try await generator.load(plan)
    try await cluster.settle()
    _ = try await load.run(
      RedisLoad.Plan(
        course: .load(first: 0, step: 1), depth: 16, keys: pace.keys, valueBytes: Pace.valueBytes))
  }

  func compare(_ kind: Kind, _ generator: LoadGenerator, _ load: RedisLoad) async throws -> Comparison {
    try await Rounds.compare(kind.name, pace.rounds) {
      try await keyval(kind, generator)
    } redis: {
      try await redis(kind, load)
    }
  }

  /// Nine gets for each put, at seven tenths of what the slower side answers when asked as much as it can: a latency
  /// beyond saturation would say only how long the queue is.
  func compareAtFixedRate(_ generator: LoadGenerator, _ load: RedisLoad) async throws -> Comparison {
    var kind = Kind(name: Kind.paced, mix: try OperationMix("get:put=9:1"), level: .memory, depth: 1)
    let saturation = min(try await keyval(kind, generator).perSecond, try await redis(kind, load).perSecond)
    kind.rate = max(1, UInt64(saturation * 0.7))
    return try await compare(kind, generator, load)
  }

  private func keyval(_ kind: Kind, _ generator: LoadGenerator) async throws -> Reading {
    let isSecured = kind.level == .secured
    let plan = LoadPlan(
      mix: kind.mix, keys: pace.keys, valueBytes: Pace.valueBytes, level: kind.level, depth: kind.depth,
      extent: .seconds(isSecured ? pace.securedSeconds : pace.seconds), rate: kind.rate)
    let before = try cluster.processorTime()
    let backlogs = isSecured ? BacklogWatch(cluster, until: pace.securedSeconds) : nil
    let outcome = try await generator.run(plan)
    guard outcome.failures == 0, outcome.misses == 0, outcome.answered > 0 else {
      throw BenchmarkError(
        "\(kind.name): of \(outcome.answered) requests \(outcome.failures) failed, \(outcome.misses) found no value"
      )
    }
    let backlog = try await backlogs?.readings()
    let settling = ContinuousClock.now
    if kind.mix.writes { try await cluster.settle() }
    let used = try cluster.processorTime() - before
    var reading = Reading(
      outcome.all, seconds: outcome.seconds, generator: outcome.processorTime, servers: used.all)
    reading.add(used)
    if let backlog {
      reading.more = [
        ("backlogBytesAfterTenSeconds", Double(backlog.early)), ("backlogBytesAtEnd", Double(backlog.late)),
      ]
    }
    if kind.mix.writes {
      reading.more.append(("settlingSeconds", (ContinuousClock.now - settling) / .seconds(1)))
    }
    if kind.rate != nil { reading.more.append(("unsent", Double(outcome.unsent))) }
    if outcome.retries > 0 { reading.more.append(("retries", Double(outcome.retries))) }
    return reading
  }

  func redis(_ kind: Kind, _ load: RedisLoad) async throws -> Reading {
    let before = try redis.processorTime()
    let course: RedisPipeline.Course =
      kind.level == .secured ? .setAndWait : kind.mix == .get ? .get : kind.mix == .put ? .set : .mixed
    let outcome = try await load.run(
      RedisLoad.Plan(
        course: course, depth: kind.depth, keys: pace.keys, valueBytes: Pace.valueBytes,
        seconds: pace.seconds, rate: kind.rate))
    let used = try redis.processorTime() - before
    return Reading(
      outcome.latencies, seconds: outcome.seconds, generator: outcome.processorTime, servers: used)
  }
}

/// How many bytes of writes the database does not have, ten seconds after the beginning and at the end.
private final class BacklogWatch: Sendable {
  private let early: Task<UInt64, any Error>
  private let late: Task<UInt64, any Error>

  init(_ cluster: MeasuredCluster, until seconds: Double) {
    early = Task {
      try await Task.sleep(for: .seconds(min(10, seconds / 2)))
      return try await cluster.backlog()
    }
    late = Task {
      try await Task.sleep(for: .seconds(seconds))
      return try await cluster.backlog()
    }
  }

  func readings() async throws -> (early: UInt64, late: UInt64) {
    (try await early.value, try await late.value)
  }
}
