import ArgumentParser
import Glibc
import LocalCluster
import Node

struct ClusterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster", abstract: "A whole cluster on this machine, in one directory.",
    subcommands: [Start.self, Restart.self, Status.self, Env.self, Stop.self])

  struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Start a cluster and leave it running; returns once all slots are served.",
      discussion: """
        Makes a realm, an authority, a database and drones in the directory, or starts again what was stopped there; of a \
        cluster that runs, what has ended. The directory may have been moved while the cluster was stopped. \
        Started as root, the daemons, the authority and each node run as a user of their own.
        """)

    @OptionGroup var location: DirectoryOption
    @OptionGroup var size: SizeOptions

    func run() async throws {
      let signals = SignalWatch()
      let directory = try ClusterDirectory(creating: location.directory)
      try await LocalOperations.start(try size.plan(in: directory), in: directory, signals: signals)
      let output = StandardOutput()
      output.write(remark: "The cluster runs in \(directory.path). To be its client:")
      output.write(
        remark: "  eval \"$(keyval cluster env --directory \(ShellExports.quote(directory.path)))\"")
    }
  }

  struct Restart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "End one process of a cluster, if it runs, and start it again.",
      discussion: """
        For example: keyval cluster restart d2 --directory DIR. A drone hands over what it has before it ends. When it \
        still waits after the patience the command fails with 75, and the drone goes on waiting; with --force it is \
        killed then: what only it has is in its journal, which it reads when it is started again.
        """)

    @Argument(help: "The process, as keyval cluster status names it.") var name: String
    @OptionGroup var location: DirectoryOption
    @Option(help: "Seconds to wait for a drone that hands over what it has.") var patience = 30
    @Flag(help: "Kill a drone that does not end by itself.") var force = false

    func validate() throws { try Stop.requireRange(of: patience) }

    func run() async throws {
      let signals = SignalWatch()
      let directory = try ClusterDirectory(existing: location.directory)
      try await LocalOperations.restart(
        name, in: directory, patience: .seconds(patience), isForced: force, signals: signals)
    }
  }

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say which processes there should be, and which run; fails unless all do.")

    @OptionGroup var location: DirectoryOption

    func run() async throws {
      let record = try ClusterRecord.load(from: ClusterDirectory(existing: location.directory))
      var rows = [["role", "name", "pid", "address", "state"]]
      for process in record.processes {
        let state = !process.identity.isRunning ? "gone" : process.wasAsked == true ? "ending" : "running"
        rows.append([process.role.rawValue, process.name, String(process.pid), process.address, state])
      }
      try StandardOutput().write(result: Array(TextTable.render(rows).utf8))
      if record.processes.isEmpty { throw Failure(status: .unavailable, sentence: "the cluster is stopped") }
      let gone = record.processes.filter { !$0.identity.isRunning }.map(\.name)
      guard gone.isEmpty else {
        throw Failure(status: .unavailable, sentence: "not running: \(gone.joined(separator: ", "))")
      }
    }
  }

  struct Env: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print shell exports after which kinit, klist and keyval use the cluster.",
      discussion: "For example: eval \"$(keyval cluster env --directory DIR)\"")

    @OptionGroup var location: DirectoryOption

    func run() async throws {
      let directory = try ClusterDirectory(existing: location.directory)
      _ = try ClusterRecord.load(from: directory)
      var lines = ShellExports.lines(LocalCluster.environment(of: directory, user: ClusterPlan().user))
      if let folder = LocalOperations.folderMissingOnPath() {
        lines += "export PATH=\(ShellExports.quote(folder)):\"$PATH\"\n"
      }
      try StandardOutput().write(result: Array(lines.utf8))
    }
  }

  struct Stop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "End the cluster's processes, and only those; its data stays.",
      discussion: """
        Drones are asked first, and end when the database has everything that they have acknowledged. When one of them \
        still waits after the patience, or hangs and does not say, the command fails with 75: drones, database and all \
        others go on running, and a second stop waits for them again. With --force they are ended then, after five \
        seconds, and those that an earlier stop has asked at once; what only they have is lost. The database comes \
        next, then the authority and the KDC; of these, whoever does not end by itself is killed, since nothing is \
        lost with it.
        """)

    @OptionGroup var location: DirectoryOption
    @Option(help: "Seconds to wait for drones that hand over what they have.") var patience = 30
    @Flag(help: "End drones that do not end by themselves; what only they have is lost.") var force = false

    func validate() throws { try Self.requireRange(of: patience) }

    static func requireRange(of patience: Int) throws {
      guard (0...86_400).contains(patience) else {
        throw ValidationError("patience is 0 to 86400 seconds, not \(patience)")
      }
    }

    func run() async throws {
      let output = StandardOutput()
      let tell: @Sendable (String) -> Void = { output.write(remark: $0) }
      let manner = force ? StopManner.force(tell: tell) : StopManner(patience: .seconds(patience), tell: tell)
      for process in try LocalCluster.stop(in: ClusterDirectory(existing: location.directory), manner) {
        output.write(remark: "\(process.role.rawValue) \(process.name) had to be killed")
      }
    }
  }
}

struct DirectoryOption: ParsableArguments {
  @Option(help: "The cluster's directory.") var directory: String
}

struct SizeOptions: ParsableArguments {
  @Option(help: "How many drones, 1 to 64; by default as many as there were, at first 3.") var drones: Int?
  @Flag(help: "Start a second authority that stands by; a cluster that had one has it again.")
  var standby = false
  @Option(help: "The nodes' log level: trace, debug, info, notice, warning, error or critical.")
  var logLevel = "info"
  @Option(help: "Shadows of each partition, 0 to 2; by default 1, or 0 for a single drone.") var shadows: Int?
  @Option(help: "Milliseconds between heartbeats, 10 to 60000, by default 250; a lease is 8 of them.")
  var heartbeat: Int?
  @Option(help: "Sessions that a drone takes of one principal, by default 256.") var sessions: Int?

  /// Throws if the cluster of that directory has too few drones for the shadows.
  func plan(in directory: ClusterDirectory) throws -> ClusterPlan {
    let drones = drones ?? directory.formerDrones ?? 3
    if let shadows, shadows >= drones {
      throw ValidationError(
        "\(shadows) shadows beside each owner take at least \(shadows + 1) drones, and there are \(drones)")
    }
    return ClusterPlan(
      drones: drones, logLevel: logLevel, shadows: shadows ?? min(1, drones - 1),
      heartbeat: heartbeat, hasStandby: standby || directory.hadStandby,
      memory: MachineMemory.standardCeiling, sessions: sessions)
  }

  func validate() throws {
    if let drones, !ClusterPlan.droneRange.contains(drones) {
      throw ValidationError(
        "a local cluster has 1 to \(ClusterPlan.droneRange.upperBound) drones, not \(drones)")
    }
    if let shadows {
      guard (0...2).contains(shadows) else {
        throw ValidationError("a partition has 0, 1 or 2 shadows, not \(shadows)")
      }
    }
    if let heartbeat, !ClusterPlan.heartbeatRange.contains(heartbeat) {
      throw ValidationError("heartbeats come every 10 to 60000 ms, not every \(heartbeat)")
    }
    if let sessions, !ClusterPlan.sessionsRange.contains(sessions) {
      throw ValidationError("a drone takes from 1 to 1048576 sessions of a principal, not \(sessions)")
    }
    let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
    guard levels.contains(logLevel) else {
      throw ValidationError(
        "there is no log level ‘\(logLevel)’; write one of \(levels.joined(separator: ", "))")
    }
  }
}
