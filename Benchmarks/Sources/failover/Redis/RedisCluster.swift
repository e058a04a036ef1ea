import Foundation
import Keyval
import LocalCluster
import Synchronization

/// `redis-server` in cluster mode on this machine: three masters with a replica each, everything else as it comes.
final class RedisCluster: Sendable {
  let nodes: [RedisAddress]
  private let directory: String
  private let processes: Mutex<[RedisAddress: Process]>
  private static let masters = 3

  /// Whether there is a `redis-server` and a `redis-cli` on the `PATH`.
  static var isInstalled: Bool { program("redis-server") != nil && program("redis-cli") != nil }

  private static func program(_ name: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// Starts the cluster in a directory of its own.
  /// - Parameter nodeTimeout: `cluster-node-timeout` in milliseconds; 15,000 is Redis' default.
  init(in directory: String, nodeTimeout: Int) async throws {
    self.directory = directory
    let ports = try Self.freePorts(count: 2 * Self.masters * 2)
    nodes = ports.prefix(2 * Self.masters).map { RedisAddress(host: "127.0.0.1", port: $0) }
    processes = Mutex([:])
    for (node, bus) in zip(nodes, ports.suffix(2 * Self.masters)) {
      let home = "\(directory)/\(node.port)"
      try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
      try """
      port \(node.port)
      cluster-port \(bus)
      bind 127.0.0.1
      cluster-enabled yes
      cluster-config-file nodes.conf
      cluster-node-timeout \(nodeTimeout)
      dir \(home)
      logfile redis.log

      """.write(toFile: "\(home)/redis.conf", atomically: true, encoding: .utf8)
      try start(node)
    }
    do {
      try await create()
    } catch {
      stop()
      throw error
    }
  }

  private func create() async throws {
    for node in nodes {
      try await eventually("\(node) answers", within: .seconds(10)) {
        try await Self.ask(node, "PING") == .simple("PONG")
      }
    }
    let creation = Process()
    creation.executableURL = URL(filePath: Self.program("redis-cli") ?? "")
    creation.arguments =
      ["--cluster", "create"] + nodes.map { "\($0.host):\($0.port)" }
      + ["--cluster-replicas", "1", "--cluster-yes"]
    creation.standardOutput = FileHandle.nullDevice
    try creation.run()
    creation.waitUntilExit()
    guard creation.terminationStatus == 0 else { throw BenchmarkError("redis-cli --cluster create fails") }
    try await awaitWhole()
  }

  func start(_ node: RedisAddress) throws {
    let process = Process()
    process.executableURL = URL(filePath: Self.program("redis-server") ?? "")
    process.arguments = ["\(directory)/\(node.port)/redis.conf"]
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    processes.withLock { $0[node] = process }
  }

  /// - Returns: the process that it was sent to.
  func send(_ signal: Int32, to node: RedisAddress) throws -> Int32 {
    guard let process = processes.withLock({ $0[node] }), process.isRunning,
      Glibc.kill(process.processIdentifier, signal) == 0
    else { throw BenchmarkError("redis-server at \(node.port) does not run") }
    return process.processIdentifier
  }

  /// Ends all of them, stopped ones too.
  func stop() {
    let all = processes.withLock { $0.values.filter(\.isRunning) }
    for process in all { Glibc.kill(process.processIdentifier, SIGKILL) }
    for process in all { process.waitUntilExit() }
  }

  // MARK: Waiting

  /// Waits until all nodes know each other as alive, every slot has a master, and every master a replica that is up
  /// to date.
  func awaitWhole() async throws {
    try await eventually("the Redis cluster is whole", within: .seconds(90), every: .milliseconds(50)) {
      var replicas = 0
      for node in nodes {
        let (cluster, links, replication) = (
          try await Self.text(node, "CLUSTER", "INFO"), try await Self.text(node, "CLUSTER", "NODES"),
          try await Self.text(node, "INFO", "replication")
        )
        guard cluster.contains("cluster_state:ok"), cluster.contains("cluster_slots_ok:\(Slot.count)"),
          cluster.contains("cluster_size:\(Self.masters)"), !links.contains("fail"),
          !links.contains("disconnected")
        else { return false }
        if replication.contains("role:slave") {
          guard replication.contains("master_link_status:up"),
            replication.contains("master_sync_in_progress:0")
          else { return false }
          replicas += 1
        } else {
          guard replication.contains("connected_slaves:1"), replication.contains("state=online") else {
            return false
          }
        }
      }
      return replicas == Self.masters
    }
  }

  private static func ask(_ node: RedisAddress, _ words: String...) async throws -> RESP {
    let connection = try await RedisConnection(to: node)
    defer { connection.close() }
    switch words.count {
    case 1: return try await connection.send(words[0])
    default: return try await connection.send(words[0], words[1])
    }
  }

  private static func text(_ node: RedisAddress, _ first: String, _ second: String) async throws -> String {
    guard case .bulk(let text?) = try await ask(node, first, second) else {
      throw BenchmarkError("\(first) \(second) is not answered")
    }
    return text
  }

  /// Ports that nobody listens on at the moment, by asking the system for each.
  private static func freePorts(count: Int) throws -> [Int] {
    var sockets: [Int32] = []
    defer { for socket in sockets { close(socket) } }
    return try (0..<count).map { _ in
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      sockets.append(descriptor)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let bound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
        }
      }
      guard descriptor >= 0, bound else { throw BenchmarkError("there is no free port") }
      return Int(UInt16(bigEndian: address.sin_port))
    }
  }
}
