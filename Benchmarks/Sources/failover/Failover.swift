import Foundation
import Keyval

/// How long a cluster of three drones on this machine takes
/// - to serve: from the command to all slots served, with a new realm and new keys;
/// - to start again in a directory that has both;
/// - after kill -9 of a drone that is not the commander, until every key it had has been read again;
/// - after kill -9 of the commander, until a certified new term, and until every key has been read again.
///
/// Prints milliseconds: the median of the runs, the least and the most. Usage: failover [RUNS]
@main
struct Failover {
  private let cluster: Cluster
  private var measured: [(name: String, times: [Double])] = []
  private let keys = (0..<3_000).map { "key \($0)" }

  static func main() async throws {
    let runs = max(1, CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 5)
    let directory = "/tmp/keyval-failover.\(getpid())"
    // Before any Kerberos call, and the same for every run: the cluster's directory is.
    setenv("KRB5_CONFIG", "\(directory)/realm/krb5.conf", 1)
    let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    var failover = Failover(
      cluster: Cluster(directory: directory, program: own.appending(path: "keyval").path))
    for number in 1...runs {
      try await failover.run()
      FileHandle.standardError.write(Data("run \(number) of \(runs)\n".utf8))
    }
    failover.report()
  }

  private init(cluster: Cluster) { self.cluster = cluster }

  private mutating func run() async throws {
    defer { try? FileManager.default.removeItem(atPath: cluster.directory) }
    var start = ContinuousClock.now
    try cluster.run("start", "--drones", "3")
    measure("a new cluster serves", since: start)
    do {
      try await killDrone()
      try cluster.run("stop")
      start = ContinuousClock.now
      try cluster.run("start", "--drones", "3")
      measure("a stopped cluster serves again", since: start)
      try await killCommander()
    } catch {
      try? cluster.run("stop")
      throw error
    }
    try cluster.run("stop")
  }

  private mutating func killDrone() async throws {
    let client = try cluster.client()
    defer { client.close() }
    try await Self.all(keys) { _ = try await client.put($0, $0) }
    let commander = try await client.status().commander
    var lost: [String] = []
    var victim: Principal?
    for key in keys {
      guard let owner = try await client.locate(key).owner?.principal, owner != commander else { continue }
      victim = victim ?? owner
      if owner == victim { lost.append(key) }
    }
    let start = ContinuousClock.now
    try cluster.kill(victim?.instance ?? "")
    try await Self.readAll(lost, by: client)
    measure("a killed drone's keys are read again", since: start)
  }

  private mutating func killCommander() async throws {
    let client = try cluster.client()
    defer { client.close() }
    try await Self.readAll(keys, by: client)
    let before = try await client.status()
    let start = ContinuousClock.now
    try cluster.kill(before.commander.instance ?? "")
    async let read: Void = Self.readAll(keys, by: client)
    try await Self.awaitTerm(above: before.term.number, by: client)
    measure("a new commander is certified", since: start)
    try await read
    measure("a killed commander's keys are read again", since: start)
  }

  /// Reads every key; a get goes on until its owner answers.
  private static func readAll(_ keys: [String], by client: KeyvalClient) async throws {
    try await all(keys) { key in
      guard try await client.getString(key) == key else { throw BenchmarkError("\(key) is lost") }
    }
  }

  /// All at once; the client gathers them.
  private static func all(
    _ keys: [String], _ body: @escaping @Sendable (String) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for key in keys { group.addTask { try await body(key) } }
      try await group.waitForAll()
    }
  }

  private static func awaitTerm(above term: UInt64, by client: KeyvalClient) async throws {
    while true {
      if let status = try? await client.status(), status.term.number > term { return }
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  private mutating func measure(_ name: String, since start: ContinuousClock.Instant) {
    let time = (ContinuousClock.now - start) / .milliseconds(1)
    if let index = measured.firstIndex(where: { $0.name == name }) {
      measured[index].times.append(time)
    } else {
      measured.append((name, [time]))
    }
  }

  private func report() {
    for (name, times) in measured {
      let sorted = times.sorted()
      let numbers = [sorted[sorted.count / 2], sorted[0], sorted[sorted.count - 1]].map {
        String(format: "%6.0f", $0)
      }
      let label = name.padding(toLength: 44, withPad: " ", startingAt: 0)
      print("\(label) \(numbers[0]) ms  (\(numbers[1]) to \(numbers[2]))")
    }
  }
}
