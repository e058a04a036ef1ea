import Foundation
import Keyval
import LocalCluster
import Measuring
import Synchronization

/// `redis-server` in cluster mode on this machine: three masters with a replica each, everything else as it comes.
final class RedisCluster: Sendable {
  /// Each is called by its port.
  let nodes: [RedisAddress]
  private let directory: String
  private let sites: any ClusterSites
  private let processes: Mutex<[RedisAddress: Process]>
  static let masters = 3
  static let siteNames = (1...2 * masters).map { "r\($0)" }

  /// Whether there is a `redis-server` and a `redis-cli` on the `PATH`.
  static var isInstalled: Bool { program("redis-server") != nil && program("redis-cli") != nil }

  private static func program(_ name: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// Starts the nodes in a directory of their own; they are no cluster before ``form(seenBy:)``.
  /// - Parameters:
  ///   - nodeTimeout: `cluster-node-timeout` in milliseconds; 15,000 is Redis' default.
  ///   - sites: where they run: ``siteNames``. Only the loopback address is protected by Redis from others.
  init(in directory: String, nodeTimeout: Int, sites: any ClusterSites = Loopback()) throws {
    self.directory = directory
    self.sites = sites
    let ports = try Self.freePorts(count: 2 * Self.siteNames.count)
    nodes = zip(Self.siteNames, ports).map { RedisAddress(host: sites.address(of: $0), port: $1) }
    processes = Mutex([:])
    do {
      try start(nodes, buses: ports.suffix(nodes.count), nodeTimeout)
    } catch {
      stop()
      throw error
    }
  }

  private func start(_ nodes: [RedisAddress], buses: some Sequence<Int>, _ nodeTimeout: Int) throws {
    for (node, bus) in zip(nodes, buses) {
      let home = "\(directory)/\(node.port)"
      try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
      try """
      port \(node.port)
      cluster-port \(bus)
      bind \(node.host)
      protected-mode \(sites is Loopback ? "yes" : "no")
      cluster-enabled yes
      cluster-config-file nodes.conf
      cluster-node-timeout \(nodeTimeout)
      dir \(home)
      logfile redis.log

      """.write(toFile: "\(home)/redis.conf", atomically: true, encoding: .utf8)
      try start(node)
    }
  }

  /// Makes a cluster of the nodes, and waits until it is whole.
  /// - Parameters:
  ///   - view: from where they can be reached.
  ///   - site: where that is.
  func form(seenBy view: any Waiting, at site: String = siteNames[0]) async throws {
    try await view.awaitAnswers()
    let creation = Process()
    creation.executableURL = URL(filePath: Self.program("redis-cli") ?? "")
    creation.arguments =
      ["--cluster", "create"] + nodes.map { "\($0.host):\($0.port)" }
      + ["--cluster-replicas", "1", "--cluster-yes"]
    creation.standardOutput = FileHandle.nullDevice
    try sites.at(site) { try creation.run() }
    creation.waitUntilExit()
    guard creation.terminationStatus == 0 else { throw BenchmarkError("redis-cli --cluster create fails") }
    try await view.awaitWhole()
  }

  func node(_ name: String) throws -> RedisAddress {
    guard let node = nodes.first(where: { String($0.port) == name }) else {
      throw BenchmarkError("there is no node \(name)")
    }
    return node
  }

  /// Where the node runs.
  func site(of node: RedisAddress) throws -> String {
    guard let index = nodes.firstIndex(of: node) else { throw BenchmarkError("there is no node at \(node)") }
    return Self.siteNames[index]
  }

  func start(_ node: RedisAddress) throws {
    let process = Process()
    process.executableURL = URL(filePath: Self.program("redis-server") ?? "")
    process.arguments = ["\(directory)/\(node.port)/redis.conf"]
    process.standardOutput = FileHandle.nullDevice
    try sites.at(site(of: node)) { try process.run() }
    processes.withLock { $0[node] = process }
  }

  /// - Returns: the process that it was sent to.
  func send(_ signal: Int32, to node: RedisAddress) throws -> Int32 {
    guard let process = processes.withLock({ $0[node] }), process.isRunning,
      Glibc.kill(process.processIdentifier, signal) == 0
    else { throw BenchmarkError("redis-server at \(node.port) does not run") }
    return process.processIdentifier
  }

  var identities: [ProcessIdentity] {
    processes.withLock { $0.values.compactMap { ProcessIdentity(pid: $0.processIdentifier) } }
  }

  /// Ends all of them, stopped ones too.
  func stop() {
    let all = processes.withLock { $0.values.filter(\.isRunning) }
    for process in all { Glibc.kill(process.processIdentifier, SIGKILL) }
    for process in all { process.waitUntilExit() }
  }

  /// Ports that nobody listens on at the moment, by asking the system for each.
  private static func freePorts(count: Int) throws -> [Int] {
    var sockets: [Int32] = []
    defer { for socket in sockets { close(socket) } }
    return try (0..<count).map { _ in
      let (descriptor, port) = try LoopbackPort.bound()
      sockets.append(descriptor)
      return port
    }
  }
}
