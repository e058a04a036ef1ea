import Foundation
import Keyval
import LocalCluster
import Measuring
import Synchronization

/// A cluster on this machine, as `keyval cluster start` makes one, and what its processes take.
final class SpeedCluster: Sendable {
  private let directory: ClusterDirectory
  private let record: ClusterRecord
  let configuration: ClientConfiguration
  let client: KeyvalClient
  /// When a drone was first seen to serve all slots.
  let servedAt: Date

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

  /// - Parameter path: of a directory that is made, or of a cluster that was stopped.
  init(in path: String, program: String, drones: Int) async throws {
    directory = try ClusterDirectory(creating: path)
    let directory = directory
    let served = Mutex<Date?>(nil)
    setenv("KRB5_CONFIG", "\(directory.realm)/krb5.conf", 1)
    let shadows = drones > 1 ? 1 : 0
    record = try await LocalCluster.start(
      ClusterPlan(cluster: "speed", drones: drones, shadows: shadows), in: directory, program: program,
      reporter: StepReporter { _ in }
    ) {
      let client = try KeyvalClient(configuration: try Self.configuration(of: directory))
      defer { client.close() }
      let status = try await client.status()
      if status.slotsServed == Slot.count { served.withLock { $0 = $0 ?? Date() } }
      return status.slotsServed == Slot.count && (shadows == 0 || status.slotsShadowed == Slot.count)
        && status.drones.count == drones && status.drones.allSatisfy { $0.slots > 0 }
    }
    servedAt = served.withLock { $0 } ?? Date()
    configuration = try Self.configuration(of: directory)
    client = try KeyvalClient(configuration: configuration)
  }

  private static func configuration(of directory: ClusterDirectory) throws -> ClientConfiguration {
    var configuration = try ClientConfiguration.load(path: directory.clientConfiguration)
    configuration.credentialCache = "FILE:\(directory.cache(of: "alice"))"
    return configuration
  }

  /// When a drone was first given partitions, by its log: it has what they hold then from the database.
  func loadingBegan(after start: Date) throws -> Date {
    let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    for process in record.processes where process.role == .drone {
      let log = try String(contentsOfFile: directory.log(of: process.name), encoding: .utf8)
      for line in log.split(separator: "\n") where line.contains(" granted mode=") {
        let time = try? format.parse(String(line.prefix { $0 != " " }))
        if let time, time > start { return time }
      }
    }
    throw BenchmarkError("no drone was given anything")
  }

  /// In order: what drones have in memory only goes to the database.
  func stopInOrder() throws {
    client.close()
    try LocalCluster.stop(in: directory)
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
