import ArgumentParser
import Cluster
import Glibc
import Keyval
import Load

/// How fast a cluster is, as `redis-benchmark` and `memtier_benchmark` tell it of Redis.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Put load on a cluster, and tell how fast it answers.",
    discussion: """
      Asks the drones by sessions of its own, with your ticket: you need the rights to get and put keys that begin with \
      ‘key:’ (with less than 16 --key-bytes: with a digit). Puts overwrite such keys, and nothing removes them. A latency is the time from when a request was due to \
      its answer: with --rate, a request is due at its time whether or not those before it are answered.

      Mixes: get, put, get:put=9:1; ycsb-a (half gets, half puts), ycsb-b (95 % gets), ycsb-c (gets), ycsb-d (95 % gets \
      of what was put last, 5 % puts of new keys), ycsb-f (half gets, half gets with a put of the same key). The keys of \
      a ycsb mix are drawn by Zipf's law unless --distribution says otherwise. There is no scan, so no ycsb-e.
      """)

  @Option(help: "What is asked.") var mix = OperationMix.get
  @Option(help: "Sessions; each is a client of its own.") var connections = 50
  @Option(help: "Requests under way on each session.") var pipeline = 1
  @Option(help: "Event loops of this program, a thread each.") var loops = 1
  @Option(help: "Different keys.") var keys = 100_000
  @Option(help: "Bytes of each key.") var keyBytes = 16
  @Option(help: "Bytes of each value.") var valueBytes = 32
  @Option(help: "How keys are drawn: uniform or zipfian.") var distribution: LoadPlan.Distribution?
  @Option(help: "What a put has to reach: memory, secured or durable; by default what the cluster says.")
  var level: AcknowledgementLevel?
  @Option(help: "How long, in seconds.") var seconds: Double?
  @Option(help: "How many requests, instead of how long.") var requests: UInt64?
  @Option(help: "Requests a second, of all sessions; without it, as many as are answered.") var rate: UInt64?
  @Flag(help: "Put all keys first.") var load = false
  @Flag(name: .customLong("json"), help: "Write one JSON object.") var asJSON = false

  func validate() throws {
    func require(_ condition: Bool, _ sentence: String) throws {
      if !condition { throw ValidationError(sentence) }
    }
    try require((1...65_536).contains(connections), "--connections is from 1 to 65536")
    try require(
      (1...LoadPlan.maximumDepth).contains(pipeline), "--pipeline is from 1 to \(LoadPlan.maximumDepth)")
    try require((1...256).contains(loops), "--loops is from 1 to 256")
    try require(
      (0...KeyvalClient.maximumValueLength).contains(valueBytes),
      "--value-bytes is from 0 to \(KeyvalClient.maximumValueLength)")
    try require(seconds == nil || requests == nil, "--seconds or --requests, not both")
    try require(seconds.map { $0 > 0 && $0 <= 86_400 } ?? true, "--seconds is above 0, and at most a day")
    try require(requests != 0, "--requests is at least 1")
    try require(rate.map { (1...100_000_000).contains($0) } ?? true, "--rate is from 1 to 100000000")
    do { _ = try names() } catch { throw ValidationError(error.description) }
  }

  private func names() throws(LoadError) -> KeyNames { try KeyNames(length: keyBytes, count: keys) }

  private func plan() throws -> LoadPlan {
    LoadPlan(
      mix: mix, keys: try names(), valueBytes: valueBytes,
      distribution: distribution ?? (mix.prefersZipfian ? .zipfian : .uniform), level: level, depth: pipeline,
      extent: requests.map { .requests($0) } ?? .seconds(seconds ?? 10), rate: rate)
  }

  func run() async throws {
    let plan = try plan()
    let configuration = try ClientConfiguration.load(path: try ClientConnection.configurationPath())
    let generator = try await LoadGenerator(
      configuration: configuration, connections: connections, loops: loops)
    let result: Result<(loaded: LoadOutcome?, LoadOutcome), any Error>
    do {
      try await generator.open()
      var loaded: LoadOutcome?
      if load {
        var loading = plan
        loading.depth = max(plan.depth, 16)
        loaded = try await telling("loading", generator) { [loading] in try await generator.load(loading) }
      }
      result = .success((loaded, try await telling("measuring", generator) { try await generator.run(plan) }))
    } catch {
      result = .failure(error)
    }
    await generator.close()
    let (loaded, outcome) = try result.get()
    let report = LoadReport(plan: plan, connections: connections, loops: loops, loaded: loaded, outcome)
    try StandardOutput().write(result: Array((asJSON ? report.json : report.text).utf8))
    guard outcome.failures == 0 else { throw ExitCode(CommandStatus.unavailable.rawValue) }
  }

  /// Says on a terminal how far it is.
  private func telling(
    _ what: String, _ generator: LoadGenerator,
    _ body: @escaping @Sendable () async throws -> LoadOutcome
  ) async throws -> LoadOutcome {
    guard isatty(STDERR_FILENO) == 1, !asJSON else { return try await body() }
    let told = Task {
      var last: UInt64 = 0
      while (try? await Task.sleep(for: .seconds(1))) != nil {
        let answered = generator.answered
        StandardOutput().write(
          question: "\r\u{1b}[K\(what): \(answered) requests, \(answered - min(last, answered)) a second")
        last = answered
      }
    }
    defer {
      told.cancel()
      StandardOutput().write(question: "\r\u{1b}[K")
    }
    return try await body()
  }
}

extension OperationMix: ExpressibleByArgument {
  public init?(argument: String) {
    // The parser's own sentence would not say what there is instead.
    do { try self.init(argument) } catch {
      StandardOutput().write(remark: error.description)
      return nil
    }
  }

  public var defaultValueDescription: String { name }
}

extension LoadPlan.Distribution: ExpressibleByArgument {}
