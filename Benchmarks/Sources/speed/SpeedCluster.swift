import Foundation
import Keyval
import LocalCluster
import Measuring

/// A cluster on this machine, as `keyval cluster start` makes one, and what its processes take.
final class SpeedCluster: Sendable {
  private let directory: ClusterDirectory
  private let record: ClusterRecord
  let configuration: ClientConfiguration
  let client: KeyvalClient

  /// Seconds of processor time, by what took them.
  struct ProcessorTime {
    var drones = 0.0
    var databases = 0.0
    /// Authority and the realm's daemons.
    var others = 0.0

    var all: Double { drones + databases + others }

    static func - (left: ProcessorTime, right: ProcessorTime) -> ProcessorTime {
      ProcessorTime(
        drones: left.drones - right.drones, databases: left.databases - right.databases,
        others: left.others - right.others)
    }
  }

  init(in path: String, program: String, drones: Int) async throws {
    directory = try ClusterDirectory(creating: path)
    let directory = directory
    setenv("KRB5_CONFIG", "\(directory.realm)/krb5.conf", 1)
    let shadows = drones > 1 ? 1 : 0
    record = try await LocalCluster.start(
      ClusterPlan(cluster: "speed", drones: drones, shadows: shadows), in: directory, program: program,
      reporter: StepReporter { _ in }
    ) {
      let client = try KeyvalClient(configuration: try Self.configuration(of: directory))
      defer { client.close() }
      let status = try await client.status()
      return status.slotsServed == Slot.count && (shadows == 0 || status.slotsShadowed == Slot.count)
        && status.drones.count == drones && status.drones.allSatisfy { $0.slots > 0 }
    }
    configuration = try Self.configuration(of: directory)
    client = try KeyvalClient(configuration: configuration)
  }

  private static func configuration(of directory: ClusterDirectory) throws -> ClientConfiguration {
    var configuration = try ClientConfiguration.load(path: directory.clientConfiguration)
    configuration.credentialCache = "FILE:\(directory.cache(of: "alice"))"
    return configuration
  }

  func stop() throws {
    client.close()
    try LocalCluster.stop(in: directory, .force())
  }

  func processes(_ role: ProcessRole) -> [ProcessFigures] {
    record.processes.filter { $0.role == role }.map { ProcessFigures(pid: $0.identity.pid) }
  }

  var allProcesses: [ProcessFigures] { record.processes.map { ProcessFigures(pid: $0.identity.pid) } }

  func processorTime() throws -> ProcessorTime {
    var time = ProcessorTime()
    for process in record.processes {
      let used = try ProcessFigures(pid: process.identity.pid).processorTime
      switch process.role {
      case .drone: time.drones += used
      case .database: time.databases += used
      default: time.others += used
      }
    }
    return time
  }

  /// Bytes of writes that the database does not have, by the drones' last word.
  func backlog() async throws -> UInt64 {
    try await client.status().drones.reduce(0) { $0 + $1.backlog }
  }

  /// Waits until the database has all writes: what it takes to get there is part of what they cost.
  func settle() async throws {
    let deadline = ContinuousClock.now + .seconds(300)
    var zeros = 0
    // A drone's word is a heartbeat old.
    while zeros < 2 {
      guard ContinuousClock.now < deadline else {
        throw BenchmarkError("the database does not catch up with the drones within five minutes")
      }
      try await Task.sleep(for: .milliseconds(250))
      zeros = try await backlog() == 0 ? zeros + 1 : 0
    }
  }

  func residentBytesOfDrones() throws -> Double {
    try processes(.drone).reduce(0) { try $0 + $1.residentBytes }
  }
}
