import ArgumentParser
import Dispatch
import Foundation
import LocalCluster
import Measuring
import Synchronization

/// What the handshake costs beside TLS 1.3 with client certificates, what the access check costs, and what
/// floods cost those who have a session. Everything runs on this machine and by loopback.
@main
struct SecurityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "security",
    abstract: "Handshakes beside redis-server over TLS 1.3, the access check, and floods.",
    discussion: """
      The table goes to standard output, progress to standard error. A goal that is missed is told, and no failure; \
      fails when something could not be measured.
      """)

  @Option(help: "Trials of each kind; the median counts.") var trials = 5
  @Option(help: "Seconds of each trial.") var seconds = 5
  @Option(help: "Only these parts; may be repeated.") var only: [Part] = []
  @Flag(help: "Leave the directory with the logs behind.") var keep = false

  enum Part: String, CaseIterable, ExpressibleByArgument {
    case handshakes, access, throughput, floods, fairness
  }

  private static let running = Mutex<VictimCluster?>(nil)

  func validate() throws {
    guard trials > 0, (1...600).contains(seconds) else {
      throw ValidationError("at least one trial, of 1 to 600 seconds")
    }
  }

  func run() async throws {
    let parts = only.isEmpty ? Part.allCases : only
    if parts.contains(.handshakes), let missing = RedisServer.missing {
      throw ValidationError("there is no \(missing) on the PATH: ./dev bench security installs it")
    }
    let directory = "/tmp/keyval-security.\(getpid())"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    setenv("KRB5_CONFIG", "\(directory)/keyval/realm/krb5.conf", 1)
    let interruption = Interruption { Self.takeDown() }
    defer { interruption.end() }
    var report = Report()
    var problems: [String] = []
    do {
      let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      let cluster = try await VictimCluster(
        in: "\(directory)/keyval", program: own.appending(path: "keyval").path)
      Self.running.withLock { $0 = cluster }
      let pace = Pace(trials: trials, time: .seconds(seconds))
      for part in parts {
        Self.say("\(part.rawValue): \(trials) trials")
        do {
          let bystanders = try Bystanders { try cluster.processes }
          switch part {
          case .handshakes: try await HandshakeTrials(cluster, pace, directory).run(&report)
          case .access: try await AccessTrials(cluster, pace).run(&report)
          case .throughput: try await ThroughputTrials(cluster, pace).run(&report)
          case .floods: try await FloodTrials(cluster, pace).run(&report)
          case .fairness: try await FairnessTrials(cluster, pace).run(&report)
          }
          report.add(
            "\(part.rawValue): what others kept busy meanwhile", [try bystanders.processors],
            "of \(Bystanders.allProcessors) processors")
        } catch {
          problems.append("\(part.rawValue): \(error)")
        }
      }
    } catch {
      problems.append("\(error)")
    }
    Self.takeDown()
    print(report.table)
    for problem in problems { Self.say("not measured: \(problem)") }
    if keep || !problems.isEmpty {
      Self.say("The logs are in \(directory).")
    } else {
      try? FileManager.default.removeItem(atPath: directory)
    }
    guard problems.isEmpty else { throw ExitCode(1) }
  }

  static func say(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

  private static func takeDown() {
    running.withLock { cluster in
      do { try cluster?.stop() } catch { say("the cluster does not stop: \(error)") }
      cluster = nil
    }
    Program.endAll()
  }
}

/// How often and how long something is measured.
struct Pace: Sendable {
  let trials: Int
  let time: Duration
}
