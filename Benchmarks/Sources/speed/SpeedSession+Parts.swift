import Foundation
import Load
import Measuring

// The parts, each with servers of its own
extension SpeedSession {
  private static let callers = CallerTrials.name
  private static let entry = "resident bytes an entry"
  private static let connection = "resident bytes an idle connection"

  /// One drone beside one `redis-server` that writes nothing to disk, and then beside one that makes each write durable.
  mutating func measureOneDrone() async throws {
    let memory = SingleTrials.Kind.memory.filter { wants($0.name) }
    let durable = SingleTrials.Kind.durable
    let others = [Self.callers, Self.entry, Self.connection, durable.name, SingleTrials.Kind.paced]
    guard !memory.isEmpty || others.contains(where: wants)
    else { return }
    say("starting a cluster with one drone, and redis-server")
    let cluster = try await Estate.cluster(in: "\(directory)/one", drones: 1)
    let redis = try await RedisServers(.memory, certificates: certificates, in: directory)
    let watch = try Bystanders { cluster.allProcesses + redis.processes }
    let trials = SingleTrials(cluster, redis, pace)
    let generator = try await LoadGenerator(
      configuration: cluster.configuration, connections: pace.connections, loops: 1)
    let load = try redis.load(pace.connections, certificates: certificates)
    try await generator.open()
    let resident = ResidentBytes(cluster, redis, certificates: certificates, pace)
    let sizes = try await resident.measure { try await trials.load(generator, load) }
    for kind in memory {
      await attempt(kind.name) { $0.report.add(try await trials.compare(kind, generator, load)) }
    }
    if wants(durable.name) { await attempt(durable.name) { try await $0.measureDurable(cluster, generator) } }
    if wants(Self.callers) {
      let callers = CallerTrials(cluster, pace)
      await attempt(Self.callers) { session in
        let kind = SingleTrials.Kind(name: Self.callers, mix: .get, level: .memory, depth: 1)
        session.report.add(
          try await Rounds.compare(kind.name, session.pace.rounds) {
            try await callers.read()
          } redis: {
            try await trials.redis(kind, load)
          })
      }
    }
    if wants(SingleTrials.Kind.paced) {
      await attempt(SingleTrials.Kind.paced) {
        $0.report.add(try await trials.compareAtFixedRate(generator, load))
      }
    }
    report.add(Figure(name: Self.entry, unit: "bytes", keyval: sizes.entry.keyval, redis: sizes.entry.redis))
    report.add(
      Figure(
        name: Self.connection, unit: "bytes", keyval: sizes.connection.keyval, redis: sizes.connection.redis))
    bystanders.append(try watch.processors)
    await generator.close()
    load.close()
    redis.stop()
    try Estate.stop(cluster)
  }

  private mutating func measureDurable(_ cluster: MeasuredCluster, _ generator: LoadGenerator) async throws {
    let redis = try await RedisServers(.durable, certificates: certificates, in: directory)
    defer { redis.stop() }
    let load = try redis.load(pace.connections, certificates: certificates)
    defer { load.close() }
    report.add(
      try await SingleTrials(cluster, redis, pace).compare(SingleTrials.Kind.durable, generator, load))
  }

  /// One drone that has much, and has it again after a restart.
  mutating func measureEntries() async throws {
    say("starting a cluster with one drone, and redis-server, for their memory")
    let path = "\(directory)/entries"
    let cluster = try await Estate.cluster(in: path, drones: 1)
    let redis = try await RedisServers(.memory, certificates: certificates, in: "\(directory)/entries-redis")
    let trials = try EntryTrials(cluster, redis, certificates: certificates, pace)
    for count in pace.entries { for figure in try await trials.measure(count) { report.add(figure) } }
    redis.stop()
    let count = pace.entries.max() ?? 0
    say("starting it again: \(EntryTrials.name(count)) entries come from the database")
    let began = Date()
    let again = try await Estate.restart(cluster, in: path, drones: 1)
    let seconds = again.servedAt.timeIntervalSince(try again.loadingBegan(after: began))
    report.add(
      Figure(
        name: "\(EntryTrials.loading), \(EntryTrials.name(count))", unit: "rows/s",
        keyval: Double(count) / seconds, redis: nil))
    try Estate.stop(again)
  }

  mutating func measurePause() async throws {
    report.add(try await EntryTrials.longestPause(pace.growth, in: directory))
  }

  /// Two drones, each of which shadows the other, beside a `redis-server` with a replica.
  mutating func measureTwoDrones() async throws {
    say("starting a cluster with two drones, and redis-server with a replica")
    let cluster = try await Estate.cluster(in: "\(directory)/two", drones: 2)
    let redis = try await RedisServers(.replica, certificates: certificates, in: directory)
    let others = try Bystanders { cluster.allProcesses + redis.processes }
    let trials = SingleTrials(cluster, redis, pace)
    let generator = try await LoadGenerator(
      configuration: cluster.configuration, connections: pace.connections, loops: 1)
    let load = try redis.load(pace.connections, certificates: certificates)
    try await generator.open()
    say("loading \(pace.keys.count) keys on both sides")
    try await trials.load(generator, load)
    report.add(try await trials.compare(SingleTrials.Kind.secured, generator, load))
    bystanders.append(try others.processors)
    await generator.close()
    load.close()
    redis.stop()
    try Estate.stop(cluster)
  }

  /// Three drones that nobody asks anything.
  mutating func measureIdleNodes() async throws {
    say("starting a cluster with three drones, to be left alone for \(Int(pace.idleSeconds)) s")
    let cluster = try await Estate.cluster(in: "\(directory)/three", drones: 3)
    let redis = try await RedisServers(.memory, certificates: certificates, in: "\(directory)/idle")
    for figure in try await IdleNodes(cluster, redis).measure(for: pace.idleSeconds) { report.add(figure) }
    redis.stop()
    try Estate.stop(cluster)
  }
}
