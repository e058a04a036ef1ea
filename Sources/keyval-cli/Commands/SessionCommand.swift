import ArgumentParser
import Keyval

/// Who has sessions with drones: asked of each drone itself, with or without a commander.
struct SessionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "session", abstract: "See who has sessions with drones, and end some.",
    subcommands: [List.self, End.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the sessions of drones, most requests first.",
      discussion: """
        Asks each drone with your ticket: you need the right ‘a’. Without a commander name the drones, such as those \
        of the client configuration. A session is named by its drone and a number; the number lasts as long as the \
        drone's process.
        """)

    @Argument(help: "The drones' names, such as d1; by default all that the slot map has.")
    var drones: [String] = []
    @Option(help: "Only those of this principal, such as bob@KEYVAL.EXAMPLE.") var principal: String?
    @Flag(name: .customLong("json"), help: "Write one JSON object.") var asJSON = false

    func run() async throws {
      let only = try principal.map { try Principal($0) }
      var report = SessionReport()
      let error = try await SessionCommand.eachDrone(drones) { client, drone in
        var last: UInt64 = 0
        var page: SessionPage
        repeat {
          page = try await client.sessions(of: drone, after: last)
          report.add(page.sessions.filter { only == nil || $0.principal == only }, of: drone)
          last = page.sessions.last?.id ?? last
        } while page.hasMore && !page.sessions.isEmpty
      }
      try StandardOutput().write(result: Array((asJSON ? report.json : report.text).utf8))
      if let error { throw ExitCode(error.status.rawValue) }
    }
  }

  struct End: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "End a session, or all of a principal.",
      discussion: """
        With your ticket: you need the right ‘a’. Whoever still has a ticket may open another session: to keep \
        somebody out, take his rights from the access list, and lock his principal at the KDC. The session on which \
        this is asked goes on.
        """)

    @Argument(
      help: ArgumentHelp(
        "A session as the list names it, such as d1/4711; or a principal, such as bob@KEYVAL.EXAMPLE.",
        valueName: "session-or-principal"))
    var target: Target
    @Option(
      name: .customLong("drone"), help: "Of a principal: only those with this drone. May be given repeatedly."
    )
    var drones: [String] = []

    func validate() throws {
      if case .session = target, !drones.isEmpty {
        throw ValidationError("a session names its drone already: leave --drone out")
      }
    }

    func run() async throws {
      var hasEnded = false
      let error: Failure?
      switch target {
      case .session(let drone, let number):
        error = try await SessionCommand.eachDrone([drone]) { client, drone in
          hasEnded = SessionCommand.tell(try await client.endSession(number, of: drone), by: drone)
        }
      case .principal(let principal):
        error = try await SessionCommand.eachDrone(drones) { client, drone in
          let reply = try await client.endSessions(by: principal, of: drone)
          hasEnded = SessionCommand.tell(reply, by: drone) || hasEnded
        }
      }
      if let error { throw ExitCode(error.status.rawValue) }
      if !hasEnded { throw ExitCode(CommandStatus.notFound.rawValue) }
    }
  }

  /// What to end.
  enum Target: Equatable, ExpressibleByArgument {
    case session(drone: String, number: UInt64)
    case principal(Principal)

    init?(argument: String) {
      if argument.contains("@") {
        guard let principal = try? Principal(argument) else { return nil }
        self = .principal(principal)
        return
      }
      let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, let number = UInt64(parts[1]), number > 0 else { return nil }
      self = .session(drone: String(parts[0]), number: number)
    }
  }

  private static func tell(_ reply: AdministratorReply, by drone: String) -> Bool {
    StandardOutput().write(remark: "\(drone): \(reply.sentence)")
    return reply.isAccepted
  }

  /// Asks one drone after the other; one that does not answer keeps no other from being asked.
  /// - Parameter names: empty: all that the slot map has.
  /// - Returns: the first error of a drone, which has been told; what concerns the caller is thrown at once.
  private static func eachDrone(
    _ names: [String], _ body: (KeyvalClient, _ drone: String) async throws -> Void
  ) async throws -> Failure? {
    let configuration = try ClientConfiguration.load(path: try ClientConnection.configurationPath())
    let client = try KeyvalClient(configuration: configuration)
    defer { client.close() }
    var first: Failure?
    for drone in names.isEmpty ? try await client.drones() : names {
      do { try await body(client, drone) } catch let error as KeyvalError where error.isOfOneDrone {
        StandardOutput().write(remark: "\(drone): \(error)")
        first = first ?? Failure(error)
      }
    }
    return first
  }
}

extension KeyvalError {
  /// Whether another drone may do what this one does not.
  fileprivate var isOfOneDrone: Bool {
    switch self {
    case .deadlineExceeded, .refused, .noReachableNode, .noSuchDrone: true
    default: false
    }
  }
}
