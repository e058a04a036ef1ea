import Foundation
import Keyval

/// A cluster on this machine that `keyval cluster` starts and stops.
struct Cluster {
  let directory: String
  let program: String

  private struct Record: Decodable {
    struct Process: Decodable {
      let name: String
      let pid: Int32
    }
    let processes: [Process]
  }

  /// Runs `keyval cluster WORDS` to its end.
  func run(_ words: String...) throws {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = ["cluster"] + words + ["--directory", directory]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw BenchmarkError("keyval cluster \(words[0]) failed; its logs are in \(directory)/log")
    }
  }

  func client() throws -> KeyvalClient {
    var configuration = try ClientConfiguration.load(path: "\(directory)/client.json")
    configuration.credentialCache = "FILE:\(directory)/alice.ccache"
    configuration.deadline = .seconds(60)
    return try KeyvalClient(configuration: configuration)
  }

  /// Ends a process as a crash would.
  func kill(_ name: String) throws {
    let file = try Data(contentsOf: URL(filePath: "\(directory)/cluster.json"))
    let record = try JSONDecoder().decode(Record.self, from: file)
    guard let process = record.processes.first(where: { $0.name == name }) else {
      throw BenchmarkError("there is no process \(name)")
    }
    guard Glibc.kill(process.pid, SIGKILL) == 0 else { throw BenchmarkError("\(name) does not run") }
  }
}

struct BenchmarkError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
