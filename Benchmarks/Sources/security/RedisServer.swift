import Foundation
import Measuring

/// A `redis-server` that takes TLS 1.3 with client certificates only, and `openssl s_time`, which opens
/// connections to it.
struct RedisServer: Sendable {
  private let directory: String
  private let port: Int
  private let server: Program
  var process: ProcessFigures { ProcessFigures(pid: server.identity.pid) }

  /// A program that is needed and not there.
  static var missing: String? {
    ["redis-server", "redis-cli", "openssl"].first { Program.path($0) == nil }
  }

  init(in directory: String) async throws {
    self.directory = directory
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try await TLSCertificates.make(in: directory)
    port = try LoopbackPort.free()
    server = try Program.start(
      "redis-server",
      [
        "--port", "0", "--tls-port", "\(port)", "--bind", "127.0.0.1", "--dir", directory, "--save", "",
        "--tls-cert-file", "\(directory)/server.crt", "--tls-key-file", "\(directory)/server.key",
        "--tls-ca-cert-file", "\(directory)/ca.crt", "--tls-auth-clients", "yes",
        "--tls-protocols", "TLSv1.3",
        // Each handshake whole, as ours are.
        "--tls-session-caching", "no",
      ], log: "\(directory)/redis.log")
    let deadline = ContinuousClock.now + .seconds(10)
    while await (try? connections()) == nil {
      guard ContinuousClock.now < deadline else { throw BenchmarkError("redis-server does not answer") }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  func stop() { server.end() }

  struct Outcome {
    /// Connections that the server has taken.
    let count: Int
    let seconds: Double
    /// Seconds of processor time that the server has used.
    let processorTime: Double
  }

  /// Opens connections, one after the other by each caller; each reads once, and the server closes it.
  /// `s_time` looks at whole seconds of the clock, so it may take a second more or less than asked for; what
  /// it took is measured.
  func handshakes(callers: Int, seconds: Int) async throws -> Outcome {
    let before = try await connections()
    let (clock, processor) = (ContinuousClock(), try process.processorTime)
    let began = clock.now
    let running = try (0..<callers).map { _ in
      try Program.start(
        "openssl",
        [
          "s_time", "-connect", "127.0.0.1:\(port)", "-new", "-time", "\(seconds)", "-tls1_3", "-verify", "2",
          "-www", Self.oneRead,
          "-CAfile", "\(directory)/ca.crt", "-cert", "\(directory)/client.crt",
          "-key", "\(directory)/client.key",
        ], log: "\(directory)/s_time.log")
    }
    for program in running { try await program.finish() }
    let elapsed = (clock.now - began) / .seconds(1)
    let used = try process.processorTime - processor
    // The last question is one of them.
    let count = try await connections() - before - 1
    guard count > 0 else { throw BenchmarkError("redis-server has taken no connection") }
    return Outcome(count: count, seconds: elapsed, processorTime: used)
  }

  /// What `s_time` says as if it were `GET path HTTP/1.0`: a read, and that it wants no more.
  private static let oneRead = "key\r\nQUIT\r\n"

  /// Connections that it has taken since its start: those whose handshake it has finished.
  private func connections() async throws -> Int {
    let answer = "\(directory)/stats"
    try? FileManager.default.removeItem(atPath: answer)
    try await Program.start(
      "redis-cli",
      [
        "-h", "127.0.0.1", "-p", "\(port)", "--tls", "--cacert", "\(directory)/ca.crt",
        "--cert", "\(directory)/client.crt", "--key", "\(directory)/client.key", "info", "stats",
      ], log: answer
    ).finish()
    let text = try String(contentsOfFile: answer, encoding: .utf8)
    let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("total_connections_received:") }
    guard let count = line.flatMap({ Int($0.split(separator: ":")[1]) }) else {
      throw BenchmarkError("redis-server does not tell its connections")
    }
    return count
  }
}
