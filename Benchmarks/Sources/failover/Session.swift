import Foundation
import HostNetworks
import LocalCluster
import Measuring
import Synchronization

/// One run of the benchmark: starts the clusters one after the other, and takes each down when its trials are over.
final class Session {
  private let keys: KeySet
  private let trials: Int
  private let program: String
  private let directory: String
  private(set) var report = Report()
  /// What could not be measured, as sentences.
  private(set) var problems: [String] = []
  /// What has to end when the run is interrupted.
  private static let running = Mutex<(@Sendable () -> Void)?>(nil)

  init(keys: KeySet, trials: Int, program: String, directory: String) {
    self.keys = keys
    self.trials = trials
    self.program = program
    self.directory = directory
  }

  /// Blocks, also while somebody else is at it: who ends the program must not do so in the middle.
  static func takeDown() {
    running.withLock { running in
      running?()
      running = nil
    }
  }

  func run(_ scenarios: [Scenario]) async {
    var rest = scenarios[...]
    while let setting = rest.first?.setting {
      let group = rest.prefix { $0.setting == setting }
      rest = rest.dropFirst(group.count)
      if setting.isOnHosts, let obstacle = HostNetwork.obstacle {
        Self.say("\(group.map(\.name).joined(separator: ", ")): skipped, \(obstacle)")
        continue
      }
      do {
        switch setting {
        case _ where setting.isOnHosts: try await runOnHosts(Array(group), setting)
        case .keyval(let heartbeat, _): try await run(Array(group), heartbeat: heartbeat)
        case .redis(let nodeTimeout, _): try await run(Array(group), nodeTimeout: nodeTimeout)
        }
      } catch {
        problems.append("\(group.map(\.name).joined(separator: ", ")): \(error)")
      }
      Self.takeDown()
    }
  }

  private func run(_ group: [Scenario], heartbeat: Int) async throws {
    let path = "\(directory)/keyval"
    let cluster = try await KeyvalCluster(in: path, program: program, heartbeat: heartbeat)
    Self.running.withLock { $0 = { try? cluster.stop() } }
    for scenario in group {
      // How long a request is tried: long enough for any outage where that is measured, else a client's default.
      var deadline = Duration.seconds(10)
      if case .outage = scenario.trial { deadline = .seconds(60) }
      let system = try KeyvalSystem(cluster, deadline: deadline)
      defer { system.keyvalView.close() }
      try await repeated(scenario) {
        switch scenario.trial {
        case .outage(let trial): try await trial.run(system, keys)
        case .cut: throw BenchmarkError("nothing is cut off on the loopback address")
        case .commander: try await CommanderTrial().run(system, keys)
        case .rollingRestart(let isDrained):
          try await RollingRestartTrial(isDrained: isDrained).run(system, keys)
        }
      }
    }
  }

  private func run(_ group: [Scenario], nodeTimeout: Int) async throws {
    let cluster = try RedisCluster(in: "\(directory)/redis-\(nodeTimeout)", nodeTimeout: nodeTimeout)
    Self.running.withLock { $0 = { cluster.stop() } }
    let system = RedisSystem(cluster, deadline: .seconds(60))
    try await cluster.form(seenBy: system.view)
    for scenario in group {
      guard case .outage(let trial) = scenario.trial else { continue }
      try await repeated(scenario) { try await trial.run(system, keys) }
    }
  }

  private func runOnHosts(_ group: [Scenario], _ setting: Scenario.Setting) async throws {
    let started = { (system: HostedSystem) in Self.running.withLock { $0 = { system.stop() } } }
    let system =
      switch setting {
      case .keyval(let heartbeat, _):
        try await HostedSystem.keyval(
          in: "\(directory)/keyval-hosts", program: program, heartbeat: heartbeat, started: started)
      case .redis(let nodeTimeout, _):
        try await HostedSystem.redis(
          in: "\(directory)/redis-\(nodeTimeout)-hosts", nodeTimeout: nodeTimeout, started: started)
      }
    for scenario in group {
      guard case .cut = scenario.trial else { continue }
      try await repeated(scenario) { try await CutTrial().run(system, keys) }
    }
  }

  private func repeated(_ scenario: Scenario, _ trial: () async throws -> [Reading]) async throws {
    for number in 1...trials {
      let readings = try await trial()
      report.add(readings, of: scenario)
      let summary = readings.map { "\($0.figure) \(Report.text($0.value, $0.unit))" }
      Self.say("\(scenario.name) \(number)/\(trials): \(summary.joined(separator: "; "))")
    }
  }

  static func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
