// Clients on a host of their own, told what to do by the test that started them: commands and answers are lines of
// JSON on the socket that is standard input.
//
//     HostClients CONFIGURATION CREDENTIAL_CACHE
import Foundation
import HostNetworks
import HostWorkload
import Keyval

let line = LineSocket(descriptor: 0)
var configuration = try ClientConfiguration.load(path: CommandLine.arguments[1])
configuration.credentialCache = CommandLine.arguments[2]
configuration.deadline = .seconds(10)
let clients = try (0..<4).map { _ in try KeyvalClient(configuration: configuration) }
var workload: Workload?

// Who is asked how the cluster is must not wait long for a commander that is dead.
configuration.deadline = .seconds(1)
let observer = try KeyvalClient(configuration: configuration)
configuration.deadline = .milliseconds(500)
let hasty = try KeyvalClient(configuration: configuration)

while let command = try line.read(Command.self) {
  do {
    try line.write(try await answer(command))
  } catch {
    try line.write(Answer.problem("\(error)"))
  }
}

@MainActor
func answer(_ command: Command) async throws -> Answer {
  switch command {
  case .status: return .status(Status(try await observer.status()))
  case .begin(let chapter, let padding):
    if let workload {
      try await workload.begin(chapter, padding: padding)
    } else {
      try await clients[0].writeToEveryPartition()
      workload = try await Workload(clients, beginning: chapter, padding: padding)
    }
    return .done
  case .progress:
    guard let workload else { return .problem("nothing has begun") }
    return .progress(workload.progress)
  case .writeDurably:
    try await hasty.put("durable", "yes", level: .durable)
    return .done
  case .finish:
    guard let workload else { return .problem("nothing has begun") }
    return .report(try await workload.finish())
  }
}
