import ArgumentParser
import Keyval

extension DroneCommand {
  struct Drain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Move everything off a drone, so that it can be stopped without anybody noticing.",
      discussion: """
        Returns when the drone owns nothing any more. A drone that is started again is given work again; \
        keyval drone resume does so without a restart.
        """)

    @Argument(help: "The drone's name, such as d2.") var name: String
    @Flag(help: "Return as soon as the commander has begun.") var noWait = false
    @Option(help: "Seconds to wait for at most.") var within = 600

    func run() async throws {
      try await ClientConnection.with { backend in
        try await Administration.order(.drain, name, backend)
        if !noWait { try await Administration.awaitDrained(name, seconds: within, backend) }
      }
    }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Give a drone work again that was emptied.")

    @Argument(help: "The drone's name, such as d2.") var name: String

    func run() async throws {
      try await ClientConnection.with { try await Administration.order(.resume, name, $0) }
    }
  }
}

struct AcceptLossCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept-loss",
    abstract: "Serve slots again whose newest writes were lost with the drones that had them.",
    discussion: """
      When a slot's owner and all its shadows are lost together, writes of the last moments may be in no memory any \
      more and not yet in the database. Such slots are not served until one of the drones comes back with its memory, \
      or you say that what they had is lost.
      """)

  func run() async throws {
    try await ClientConnection.with { try await Administration.order(.acceptLoss, "", $0) }
  }
}

/// What the commands for operators have in common.
private enum Administration {
  static func order(_ order: AdministratorOrder, _ name: String, _ backend: any Backend) async throws {
    let reply = try await backend.administer(order, name)
    guard reply.isAccepted else { throw Failure(status: .unavailable, sentence: reply.sentence) }
    StandardOutput().write(remark: reply.sentence)
  }

  /// Asks for the status until the drone owns nothing; says how far it is.
  static func awaitDrained(_ name: String, seconds: Int, _ backend: any Backend) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    var last = -1
    while true {
      let report = try await backend.status()
      guard let drone = report.drones.first(where: { $0.name == name }) else {
        throw Failure(status: .unavailable, sentence: "\(name) is not among the drones any more")
      }
      if drone.state == "drained" { return StandardOutput().write(remark: "\(name) owns nothing any more") }
      if drone.slots != last {
        StandardOutput().write(remark: "\(name) still owns \(drone.slots) slots")
        last = drone.slots
      }
      guard ContinuousClock.now < deadline else {
        throw Failure(
          status: .unavailable,
          sentence: "\(name) still owns \(drone.slots) slots after \(seconds) s; it goes on being emptied")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }
}
