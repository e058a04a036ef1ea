import Foundation
import Measuring

/// A `redis-server` that takes TLS 1.3 with AES-256-GCM and client certificates only, alone or with a replica.
struct RedisServers: Sendable {
  enum Keeping: String, Sendable {
    /// Nothing is written to disk.
    case memory
    /// A replica, and an append-only file that is made durable each second, as people run it.
    case replica
    /// An append-only file that is made durable before a write is answered.
    case durable
  }

  let port: Int
  private let servers: [Program]

  /// A program that is needed and not there.
  static var missing: String? { ["redis-server", "openssl"].first { Program.path($0) == nil } }

  /// - Parameter certificates: the directory of ``TLSCertificates``.
  init(_ keeping: Keeping, certificates: String, in directory: String) async throws {
    let port = try LoopbackPort.free()
    self.port = port
    var servers = [try Self.start(keeping, port, certificates, "\(directory)/redis-\(keeping)", [])]
    if keeping == .replica {
      servers.append(
        try Self.start(
          keeping, try LoopbackPort.free(), certificates, "\(directory)/redis-\(keeping)-2",
          ["--replicaof", "127.0.0.1", "\(port)"]))
    }
    self.servers = servers
    let deadline = ContinuousClock.now + .seconds(20)
    while !Self.answers(port, certificates, waits: keeping == .replica) {
      guard ContinuousClock.now < deadline else {
        throw BenchmarkError("redis-server does not answer; its log is in \(directory)")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private static func start(
    _ keeping: Keeping, _ port: Int, _ certificates: String, _ directory: String, _ more: [String]
  ) throws -> Program {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    var options = [
      "--port", "0", "--tls-port", "\(port)", "--bind", "127.0.0.1", "--dir", directory, "--save", "",
      "--tls-cert-file", "\(certificates)/server.crt", "--tls-key-file", "\(certificates)/server.key",
      "--tls-ca-cert-file", "\(certificates)/ca.crt", "--tls-auth-clients", "yes",
      "--tls-protocols", "TLSv1.3", "--tls-ciphersuites", "TLS_AES_256_GCM_SHA384",
    ]
    switch keeping {
    case .memory: options += ["--appendonly", "no"]
    case .replica:
      // Rewriting its file would be work of a further process; without it Redis is measured at its best.
      options += ["--tls-replication", "yes", "--appendonly", "yes", "--appendfsync", "everysec"]
      options += ["--auto-aof-rewrite-percentage", "0", "--repl-diskless-sync-delay", "0"]
    case .durable:
      options += ["--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"]
    }
    return try Program.start("redis-server", options + more, log: "\(directory)/log")
  }

  private static func answers(_ port: Int, _ certificates: String, waits: Bool) -> Bool {
    guard let context = try? TLSConnection.Context(certificates: certificates),
      let connection = try? TLSConnection(context, port: port)
    else { return false }
    let question = waits ? "SET ready 1\r\nWAIT 1 1000\r\n" : "PING\r\n"
    let answer = waits ? "+OK\r\n:1\r\n" : "+PONG\r\n"
    guard (try? Array(question.utf8).withUnsafeBytes { try connection.write($0) }) == question.utf8.count
    else {
      return false
    }
    var buffer = [UInt8](repeating: 0, count: 256)
    var length = 0
    let deadline = ContinuousClock.now + .seconds(2)
    while length < answer.utf8.count, ContinuousClock.now < deadline {
      var interest = pollfd(fd: connection.descriptor, events: Int16(POLLIN), revents: 0)
      poll(&interest, 1, 100)
      let room = buffer.count
      guard
        let count = try? buffer.withUnsafeMutableBytes({
          try connection.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[length..<room]))
        })
      else { return false }
      length += count
    }
    return String(decoding: buffer[..<length], as: UTF8.self) == answer
  }

  var processes: [ProcessFigures] { servers.map { ProcessFigures(pid: $0.identity.pid) } }

  func processorTime() throws -> Double { try processes.reduce(0) { try $0 + $1.processorTime } }

  func load(_ connections: Int, certificates: String) throws -> RedisLoad {
    try RedisLoad(certificates: certificates, port: port, connections: connections)
  }

  func stop() { for server in servers { server.end() } }
}
