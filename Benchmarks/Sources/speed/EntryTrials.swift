import Foundation
import Load
import Measuring

/// What entries take of memory when there are many, beside Redis; how soon a drone has them again from the database; and
/// how long a table keeps whoever waits for it while it grows.
struct EntryTrials {
  static let resident = "resident bytes an entry at"
  static let loading = "loading from the database"
  static let pause = "longest pause while a table grows"

  private let cluster: MeasuredCluster
  private let redis: RedisServers
  private let certificates: String
  private let pace: Pace
  private let base: ResidentBytes.Pair

  /// - Parameters: of servers that have nothing yet.
  init(_ cluster: MeasuredCluster, _ redis: RedisServers, certificates: String, _ pace: Pace) throws {
    self.cluster = cluster
    self.redis = redis
    self.certificates = certificates
    self.pace = pace
    base = try ResidentBytes.all(cluster, redis)
  }

  static func name(_ count: Int) -> String {
    count >= 1_000_000 ? "\(count / 1_000_000) M" : "\(count / 1_000) k"
  }

  /// Just put, and after each key was overwritten three times.
  func measure(_ count: Int) async throws -> [Figure] {
    let growing = try await put(count, times: 1)
    let overwritten = try await put(count, times: 3)
    return [("growing", growing), ("overwritten", overwritten)].map { what, pair in
      Figure(
        name: "\(Self.resident) \(Self.name(count)), \(what)", unit: "bytes", keyval: pair.keyval,
        redis: pair.redis)
    }
  }

  /// Puts all keys so many times on both sides.
  /// - Returns: bytes an entry, once nothing is left to be done.
  private func put(_ count: Int, times: Int) async throws -> ResidentBytes.Pair {
    let names = try KeyNames(length: 16, count: count)
    let generator = try await LoadGenerator(
      configuration: cluster.configuration, connections: pace.connections, loops: 1)
    let load = try redis.load(pace.connections, certificates: certificates)
    try await generator.open()
    for round in 0..<times {
      say("putting \(Self.name(count)) keys on both sides, \(round + 1) of \(times)")
      let plan = LoadPlan(mix: .put, keys: names, valueBytes: Pace.valueBytes, level: .memory, depth: 16)
      _ = try await generator.load(plan)
      try await cluster.settle()
      _ = try await load.run(
        RedisLoad.Plan(
          course: .load(first: 0, step: 1), depth: 16, keys: names, valueBytes: Pace.valueBytes))
    }
    await generator.close()
    load.close()
    try await ResidentBytes.rest()
    let now = try ResidentBytes.all(cluster, redis)
    return ((now.keyval - base.keyval) / Double(count), (now.redis - base.redis) / Double(count))
  }

  /// Of the whole path of a put without sockets, by the processor's time: another program that runs meanwhile is no
  /// pause of the table's.
  static func longestPause(_ count: Int, in directory: String) async throws -> Figure {
    say("putting \(name(count)) keys to tables in this process's neighbour, one at a time")
    let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let log = "\(directory)/growth.log"
    let program = try Program.start(
      own.appending(path: "hotpaths").path, ["growth", "\(count)"], log: log)
    try await program.finish()
    let text = try String(contentsOfFile: log, encoding: .utf8)
    guard let nanoseconds = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw BenchmarkError("hotpaths says “\(text)”")
    }
    return Figure(
      name: "\(pause) to \(name(count))", unit: "ms", keyval: nanoseconds / 1_000_000, redis: nil)
  }
}
