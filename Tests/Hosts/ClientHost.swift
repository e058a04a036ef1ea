import ClusterFixture
import Glibc
import HostNetworks
import HostWorkload
import LocalCluster
import Provisioning
import Synchronization

/// The program `HostClients` on the host of the cluster's first user, as the test sees it.
///
/// One question at a time.
final class ClientHost: Sendable {
  private struct Connection {
    let socket: Int32
    let line: LineSocket
    let process: ChildProcess
  }

  private let network: HostNetwork
  private let connection = Mutex<Connection?>(nil)

  init(on network: HostNetwork) { self.network = network }

  deinit { close() }

  /// Starts it, once the cluster has written what clients must know.
  func start(_ directory: ClusterDirectory) throws {
    try connection.withLock { connection in
      guard connection == nil else { return }
      var ends: [Int32] = [-1, -1]
      let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
      guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
        throw ClientHostError("there is no pair of sockets")
      }
      let log = open(directory.log(of: "clients"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
      defer {
        Glibc.close(ends[1])
        Glibc.close(log)
      }
      let words = [
        try ClusterFixture.builtProgram("HostClients"), directory.clientConfiguration,
        "FILE:\(directory.cache(of: "alice"))",
      ]
      var environment = RealmLayout(directory: directory.realm).clientEnvironment
      environment["LC_ALL"] = "C.UTF-8"
      let process = try network.at("alice") {
        try ChildProcess.spawn(words, environment: environment, user: .current, input: ends[1], output: log)
      }
      connection = Connection(socket: ends[0], line: LineSocket(descriptor: ends[0]), process: process)
    }
  }

  /// Ends it.
  func close() {
    connection.withLock { connection in
      guard let ended = connection else { return }
      connection = nil
      Glibc.close(ended.socket)
      kill(ended.process.pid, SIGKILL)
      _ = ended.process.wait()
    }
  }

  // MARK: Questions

  /// - Throws: what the cluster or the program says that it is wrong.
  private func ask(_ command: Command) throws -> Answer {
    try connection.withLock { connection in
      guard let line = connection?.line else { throw ClientHostError("the clients are not started") }
      try line.write(command)
      switch try line.read(Answer.self) {
      case nil: throw ClientHostError("the clients' program has ended; see its log")
      case .problem(let text): throw ClientHostError(text)
      case .some(let answer): return answer
      }
    }
  }

  func begin(_ chapter: String, padding: Int = 0) throws {
    _ = try ask(.begin(chapter: chapter, padding: padding))
  }

  func progress() throws -> Progress {
    guard case .progress(let progress) = try ask(.progress) else { throw ClientHostError.unexpected }
    return progress
  }

  func status() throws -> Status {
    guard case .status(let status) = try ask(.status) else { throw ClientHostError.unexpected }
    return status
  }

  /// Throws when the database does not confirm it in time.
  func writeDurably() throws { _ = try ask(.writeDurably) }

  func finish() throws -> Report {
    guard case .report(let report) = try ask(.finish) else { throw ClientHostError.unexpected }
    return report
  }
}

struct ClientHostError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
  static let unexpected = ClientHostError("the clients' program answered something else")
}
