import ArgumentParser

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Say the term, the commander, and what each node does.")

  @Flag(name: .customLong("json"), help: "Write one JSON object.") var asJSON = false

  func run() async throws { try await OneShot.run(.status(asJSON: asJSON)) }
}

struct HelloCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hello", abstract: "Ask any node who it is, what its realm is, and who commands.",
    discussion: "Needs no ticket; the answer is not authenticated and only a hint for a person.")

  @Argument(help: "The node, as host:port.") var address: String

  func run() async throws {
    try StandardOutput().write(result: Array(try await NodeGreeting.hello(address).text.utf8))
  }
}
