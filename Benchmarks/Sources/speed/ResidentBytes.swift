import Load
import Measuring

/// What a connection that says nothing, and an entry, take of the memory of a drone and of `redis-server`.
struct ResidentBytes {
  private let cluster: MeasuredCluster
  private let redis: RedisServers
  private let certificates: String
  private let pace: Pace
  /// With those that ask, fewer than a drone takes of one principal.
  private static let connections = 150

  typealias Pair = (keyval: Double, redis: Double)

  init(_ cluster: MeasuredCluster, _ redis: RedisServers, certificates: String, _ pace: Pace) {
    self.cluster = cluster
    self.redis = redis
    self.certificates = certificates
    self.pace = pace
  }

  /// - Parameter load: puts all keys on both sides. Until then both are as they have started: what was given back to
  ///   the allocator would hide what is taken anew.
  func measure(_ load: () async throws -> Void) async throws -> (entry: Pair, connection: Pair) {
    say("opening \(Self.connections) connections to both sides")
    let start = try resident()
    let idle = try await LoadGenerator(
      configuration: cluster.configuration, connections: Self.connections, loops: 1)
    try await idle.open()
    let idleToRedis = try redis.load(Self.connections, certificates: certificates)
    // What the handshakes needed besides is gone soon after them.
    try await Task.sleep(for: .seconds(2))
    let opened = try resident()
    say("loading \(pace.keys.count) keys on both sides")
    try await load()
    try await Self.rest()
    let loaded = try resident()
    await idle.close()
    idleToRedis.close()
    func each(_ after: Pair, _ before: Pair, _ count: Int) -> Pair {
      ((after.keyval - before.keyval) / Double(count), (after.redis - before.redis) / Double(count))
    }
    return (each(loaded, opened, pace.keys.count), each(opened, start, Self.connections))
  }

  private func resident() throws -> Pair { try Self.all(cluster, redis) }

  /// What was needed for puts alone is given back when nothing has come for a while, here and in Redis.
  static func rest() async throws { try await Task.sleep(for: .seconds(4)) }

  static func all(_ cluster: MeasuredCluster, _ redis: RedisServers) throws -> Pair {
    (try cluster.residentBytesOfDrones(), try redis.processes.reduce(0) { try $0 + $1.residentBytes })
  }
}
