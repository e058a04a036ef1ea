import Foundation
import Synchronization

/// A `redis-server` that takes TLS 1.3 with client certificates only, and `openssl s_time`, which opens connections to it.
final class RedisServer: Sendable {
  private let directory: String
  private let port: Int
  let process: ProcessFigures
  private static let running = Mutex<[Process]>([])

  /// A program that is needed and not there.
  static var missing: String? { ["redis-server", "redis-cli", "openssl"].first { path($0) == nil } }

  private static func path(_ program: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    return folders.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
  }

  init(in directory: String) async throws {
    self.directory = directory
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try Self.makeCertificates(in: directory)
    port = try Self.freePort()
    let server = Process()
    server.executableURL = URL(filePath: Self.path("redis-server") ?? "")
    server.arguments = [
      "--port", "0", "--tls-port", "\(port)", "--bind", "127.0.0.1", "--dir", directory, "--save", "",
      "--tls-cert-file", "\(directory)/server.crt", "--tls-key-file", "\(directory)/server.key",
      "--tls-ca-cert-file", "\(directory)/ca.crt", "--tls-auth-clients", "yes", "--tls-protocols", "TLSv1.3",
      // Each handshake whole, as ours are.
      "--tls-session-caching", "no", "--logfile", "\(directory)/redis.log",
    ]
    server.standardOutput = FileHandle.nullDevice
    try server.run()
    Self.running.withLock { $0.append(server) }
    process = ProcessFigures(pid: server.processIdentifier)
    let deadline = ContinuousClock.now + .seconds(10)
    while try connections() == nil {
      guard ContinuousClock.now < deadline else { throw BenchmarkError("redis-server does not answer") }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  func stop() { Self.stopAll() }

  static func stopAll() {
    running.withLock { running in
      for server in running where server.isRunning { server.terminate() }
      for server in running { server.waitUntilExit() }
      running = []
    }
  }

  /// Opens connections, one after the other by each caller.
  /// - Returns: how many the server has taken meanwhile.
  func handshakes(callers: Int, seconds: Int) async throws -> Int {
    guard let before = try connections() else { throw BenchmarkError("redis-server does not answer") }
    let running = try (0..<callers).map { _ in
      try Self.start(
        "openssl",
        [
          "s_time", "-connect", "127.0.0.1:\(port)", "-new", "-time", "\(seconds)", "-tls1_3", "-verify", "2",
          "-CAfile", "\(directory)/ca.crt", "-cert", "\(directory)/client.crt", "-key",
          "\(directory)/client.key",
        ])
    }
    for process in running {
      process.waitUntilExit()
      guard process.terminationStatus == 0 else { throw BenchmarkError("openssl s_time fails") }
    }
    guard let after = try connections() else { throw BenchmarkError("redis-server does not answer") }
    // The last question is one of them.
    return after - before - 1
  }

  /// Connections that it has taken since its start; nil: it does not answer yet.
  private func connections() throws -> Int? {
    let output = Pipe()
    let cli = try Self.start(
      "redis-cli",
      [
        "-h", "127.0.0.1", "-p", "\(port)", "--tls", "--cacert", "\(directory)/ca.crt",
        "--cert", "\(directory)/client.crt", "--key", "\(directory)/client.key", "info", "stats",
      ], output: output)
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    cli.waitUntilExit()
    let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("total_connections_received:") }
    return line.flatMap { Int($0.split(separator: ":")[1]) }
  }

  private static func start(_ program: String, _ arguments: [String], output: Pipe? = nil) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: path(program) ?? "")
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    if let output { process.standardOutput = output } else { process.standardOutput = FileHandle.nullDevice }
    try process.run()
    return process
  }

  /// P-256 throughout: a CA, a server, a client.
  private static func makeCertificates(in directory: String) throws {
    func openssl(_ arguments: String...) throws {
      let process = try start("openssl", arguments)
      process.waitUntilExit()
      guard process.terminationStatus == 0 else {
        throw BenchmarkError("openssl \(arguments.first ?? "") fails")
      }
    }
    func newKey(_ name: String) throws {
      try openssl(
        "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
        "\(directory)/\(name).key")
    }
    try newKey("ca")
    try openssl(
      "req", "-x509", "-new", "-key", "\(directory)/ca.key", "-subj", "/CN=bench CA", "-days", "2",
      "-out", "\(directory)/ca.crt")
    for name in ["server", "client"] {
      try newKey(name)
      try openssl(
        "req", "-new", "-key", "\(directory)/\(name).key", "-subj", "/CN=\(name)", "-out",
        "\(directory)/\(name).csr")
      try openssl(
        "x509", "-req", "-in", "\(directory)/\(name).csr", "-CA", "\(directory)/ca.crt",
        "-CAkey", "\(directory)/ca.key", "-CAcreateserial", "-days", "2", "-out", "\(directory)/\(name).crt")
    }
  }

  /// A port that nobody listens on at the moment.
  private static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard descriptor >= 0, isBound else { throw BenchmarkError("there is no free port") }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}
