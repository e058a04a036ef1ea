import ArgumentParser
import Dispatch
import Foundation
import Measuring

/// What a failure costs: seconds without service, failed requests and acknowledged writes that are lost, for Keyval
/// and, in the same run and by the same client loop, for Redis Cluster.
@main
struct FailoverCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failover",
    abstract: "Kill, stop, cut off and restart nodes under load; tell how long, and what was lost.",
    usage: "failover [--trials N] [--only KIND] … [--callers N] [--json FILE] [--keep]",
    discussion: """
      The table goes to standard output, progress to standard error. Fails when an acknowledged write of Keyval was \
      lost, or when something could not be measured; a goal that is missed is told, and no failure.

      A node is cut off on a host of its own, which takes root and a kernel with network namespaces and TUN devices; \
      where these are not to be had, the trials …-cut are skipped, which is no failure either.

      Trials: \(Scenario.all.map(\.name).joined(separator: ", ")).
      """,
    subcommands: [SideCommand.self])

  @Option(help: "Trials of each kind.") var trials = 10
  @Option(help: "Only the kinds whose name begins so; may be repeated.") var only: [String] = []
  @Option(help: "Callers, each with one request under way and keys in slots of its own, 3 to 512.")
  var callers = 192
  @Option(help: "Write the figures, every trial's, to this file too.") var json: String?
  @Flag(help: "Leave the directory with the clusters' logs behind.") var keep = false

  func validate() throws {
    guard trials > 0 else { throw ValidationError("at least one trial") }
    guard (3...512).contains(callers) else { throw ValidationError("3 to 512 callers, not \(callers)") }
    for name in only where !Scenario.all.contains(where: { $0.name.hasPrefix(name) }) {
      let names = Scenario.all.map(\.name).joined(separator: ", ")
      throw ValidationError("there are no trials ‘\(name)’; there are: \(names)")
    }
  }

  func run() async throws {
    let scenarios = Scenario.all.filter { scenario in
      only.isEmpty || only.contains { scenario.name.hasPrefix($0) }
    }
    if scenarios.contains(where: \.isRedis), !RedisCluster.isInstalled {
      throw ValidationError(
        "there is no redis-server or redis-cli on the PATH: install Debian's package redis-server (./dev bench "
          + "does), or choose other trials with --only")
    }
    let directory = "/tmp/keyval-failover.\(getpid())"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    // Before any Kerberos call, and the same for every cluster of this run: they use one directory after the other.
    setenv("KRB5_CONFIG", "\(directory)/keyval/realm/krb5.conf", 1)
    let interruption = Interruption { Session.takeDown() }
    defer { interruption.end() }

    let machine = Machine()
    let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let session = Session(
      keys: KeySet(callers: callers), trials: trials, program: own.appending(path: "keyval").path,
      directory: directory)
    await session.run(scenarios)

    print("\(session.report.table)\n\n\(machine.sentence)")
    if let json {
      try session.report.json(machine: machine, problems: session.problems).write(to: URL(filePath: json))
    }
    for problem in session.problems { Session.say("not measured: \(problem)") }
    if keep || !session.problems.isEmpty {
      Session.say("The logs are in \(directory).")
    } else {
      try? FileManager.default.removeItem(atPath: directory)
    }
    if session.report.lostByKeyval > 0 {
      Session.say("Keyval has lost \(session.report.lostByKeyval) acknowledged writes.")
    }
    guard session.problems.isEmpty, session.report.lostByKeyval == 0 else { throw ExitCode(1) }
  }
}
