import ArgumentParser
import Dispatch
import Foundation
import Keyval
import Load
import LocalCluster
import Measuring
import Synchronization

/// How fast a cluster is, beside `redis-server` over TLS 1.3. Everything runs on this machine and by loopback.
@main
struct SpeedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "speed",
    abstract: "Gets, puts, memory and idleness of a cluster, beside redis-server over TLS 1.3.",
    discussion: """
      Both sides have turns, at least five each, and medians count. The fair figure is the processor time of all server \
      processes for a request; what asks is a thread for either side, whose own processor time is told, too. The table \
      goes to standard output, progress to standard error. Fails when something could not be measured.
      """)

  @Flag(help: "Two rounds of 2 s with 100,000 keys instead of five of 5 s with 1,000,000.") var quick = false
  @Option(help: "Write the figures as JSON to this file, too.") var json: String?
  @Flag(help: "Memory and loading with 10,000,000 entries, too: half an hour more, and 4 GiB of memory.")
  var large = false
  @Option(help: "Only comparisons and figures whose name begins so; may be repeated.") var only: [String] = []
  @Flag(help: "Leave the directory with the logs behind.") var keep = false

  func run() async throws {
    if let missing = RedisServers.missing {
      throw ValidationError("there is no \(missing) on the PATH: ./dev bench speed installs it")
    }
    let directory = "/tmp/keyval-speed.\(getpid())"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    let interruption = Interruption { Estate.takeDown() }
    defer { interruption.end() }
    var session = SpeedSession(
      directory: directory, pace: try Pace(isQuick: quick, isLarge: large), only: only)
    let began = ContinuousClock.now
    await session.run()
    Estate.takeDown()
    print(session.report.table)
    print(
      "Who asks Keyval is the load generator of ‘keyval bench’; who asks Redis one of this benchmark's own, with OpenSSL "
        + "and no library between.")
    say("All of it took \(Int((ContinuousClock.now - began) / .seconds(1))) s.")
    if let json {
      let text = session.report.json([
        ("quick", "\(quick)"), ("rounds", "\(session.pace.rounds)"), ("keys", "\(session.pace.keys.count)"),
        ("processors", "\(Bystanders.allProcessors)"),
        ("othersKeptBusy", session.othersKeptBusy.map { String(format: "%.2f", $0) } ?? "null"),
      ])
      try Data(text.utf8).write(to: URL(filePath: json))
    }
    if let busy = session.othersKeptBusy {
      say(String(format: "Others kept %.2f of %d processors busy meanwhile.", busy, Bystanders.allProcessors))
    }
    for problem in session.problems { say("not measured: \(problem)") }
    if keep || !session.problems.isEmpty {
      say("The logs are in \(directory).")
    } else {
      try? FileManager.default.removeItem(atPath: directory)
    }
    guard session.problems.isEmpty else { throw ExitCode(1) }
  }
}
