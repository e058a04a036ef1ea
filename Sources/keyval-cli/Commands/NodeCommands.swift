import ArgumentParser
import Cluster
import Glibc
import Node
import ServiceLifecycle

struct AuthorityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "authority", abstract: "Run the authority: it registers nodes, holds elections, certifies.")

  @OptionGroup var options: NodeOptions

  func run() async throws {
    try await options.run(.authority) { configuration, _ in AuthorityNode(configuration: configuration) }
  }
}

struct DatabaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "database", abstract: "Run a database, or see which store it has and accept one.",
    discussion: """
      At SIGTERM or SIGINT it tells the drones, and ends when they have handed over what it lacks; after 30 seconds \
      (the setting patience) it ends all the same, names those that have not, and exits with 75. A second signal ends \
      it at once.
      """,
    subcommands: [Run.self, List.self, Accept.self], defaultSubcommand: Run.self)

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run a database.")

    @OptionGroup var options: NodeOptions

    func run() async throws {
      try await options.run(.database) { DatabaseNode(configuration: $0, hurry: $1) }
    }
  }
}

struct DroneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drone", abstract: "Run a drone, or have the commander empty one.",
    discussion: """
      keyval drone --config FILE runs one: keys in memory, and a candidate for commander. At SIGTERM or SIGINT it takes \
      no more writes, and ends when the database has everything that it has acknowledged, however long that takes; its \
      log says what it waits for. A second signal ends it at once, with 75 if the database lacks something.
      """,
    subcommands: [Run.self, Drain.self, Resume.self], defaultSubcommand: Run.self)

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run a drone.")

    @OptionGroup var options: NodeOptions

    func run() async throws {
      try await options.run(.drone) { DroneNode(configuration: $0, hurry: $1) }
    }
  }
}

/// What all nodes are told on the command line. A flag is stronger than the environment (`KEYVAL_LISTEN` and the
/// like), and that is stronger than the file.
struct NodeOptions: ParsableArguments {
  @Option(name: .customLong("config"), help: "The node's configuration file (JSON).") var file: String
  @Option(help: "Where to listen, host:port; port 0 takes any that is free.") var listen: String?
  @Option(help: "Where others reach this node, host:port.") var advertise: String?
  @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel: String?
  @Option(
    name: .customLong("set"), help: ArgumentHelp("Any other setting of the file.", valueName: "key=value"))
  var settings: [String] = []

  func overrides() throws -> [String: String] {
    var overrides: [String: String] = [:]
    for setting in settings {
      guard let mark = setting.firstIndex(of: "="), mark != setting.startIndex else {
        throw ValidationError("--set takes key=value, such as log.level=debug; this is ‘\(setting)’")
      }
      overrides[String(setting[..<mark])] = String(setting[setting.index(after: mark)...])
    }
    for (key, value) in [("listen", listen), ("advertise", advertise), ("log.level", logLevel)] {
      if let value { overrides[key] = value }
    }
    return overrides
  }

  /// Runs the node until SIGTERM or SIGINT.
  func run(_ role: Role, _ make: (NodeConfiguration, Hurry) -> any Service) async throws {
    let configuration = try NodeConfiguration.load(
      role: role, file: file, overrides: overrides(), environment: ProcessEnvironment.all)
    // Signals are taken here and not by the group, which hears nothing of a second one.
    let signals = SignalWatch([SIGTERM, SIGINT])
    let hurry = Hurry()
    let logger = NodeLogging.logger(for: configuration)
    FreedMemory.returnLargeBlocks(logger)
    NodeSecrecy.warn(logger)
    let group = ServiceGroup(
      configuration: .init(services: [make(configuration, hurry)], logger: logger))
    signals.onSignal { _ in Task { await group.triggerGracefulShutdown() } }
    signals.onSecondSignal { hurry.now() }
    try await group.run()
    withExtendedLifetime(signals) {}
  }
}
