import Foundation
import Keyval
import LocalCluster
import Synchronization

/// A cluster on this machine, as `keyval cluster start` makes one, and what its processes take.
package final class MeasuredCluster: Sendable {
  private let directory: ClusterDirectory
  private let record: ClusterRecord
  package let configuration: ClientConfiguration
  package let client: KeyvalClient
  /// When a drone was first seen to serve all slots.
  package let servedAt: Date

  /// Seconds of processor time, by what took them.
  package struct ProcessorTime {
    package var drones = 0.0
    package var databases = 0.0
    /// Authority and the realm's daemons.
    package var others = 0.0

    package var all: Double { drones + databases + others }

    package static func - (left: ProcessorTime, right: ProcessorTime) -> ProcessorTime {
      ProcessorTime(
        drones: left.drones - right.drones, databases: left.databases - right.databases,
        others: left.others - right.others)
    }
  }

  /// - Parameters:
  ///   - path: of a directory that is made, or of a cluster that was stopped.
  ///   - loops: of each drone; nil: one a core.
  ///   - sessions: that a drone takes of one principal; nil: the drones' default.
  init(
    in path: String, program: String, drones: Int, loops: Int? = nil, sessions: Int? = nil
  ) async throws {
    directory = try ClusterDirectory(creating: path)
    let directory = directory
    let served = Mutex<Date?>(nil)
    setenv("KRB5_CONFIG", "\(directory.realm)/krb5.conf", 1)
    let shadows = drones > 1 ? 1 : 0
    record = try await LocalCluster.start(
      ClusterPlan(
        cluster: "bench", drones: drones, loops: loops, shadows: shadows, sessions: sessions),
      in: directory, program: program, reporter: StepReporter { _ in }
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
  package func loadingBegan(after start: Date) throws -> Date {
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

  package func processes(_ role: ProcessRole) -> [ProcessFigures] {
    record.processes.filter { $0.role == role }.map { ProcessFigures(pid: $0.identity.pid) }
  }

  package var allProcesses: [ProcessFigures] { record.processes.map { ProcessFigures(pid: $0.identity.pid) } }

  package func processorTime() throws -> ProcessorTime {
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

  /// Seconds of processor time that the kernel used for the drones; to a hundredth of a second for each.
  package func kernelTimeOfDrones() throws -> Double {
    try processes(.drone).reduce(0) { try $0 + $1.kernelTime }
  }

  /// Bytes of writes that the database does not have, by the drones' last word.
  package func backlog() async throws -> UInt64 {
    try await client.status().drones.reduce(0) { $0 + $1.backlog }
  }

  /// Waits until the database has all writes: what it takes to get there is part of what they cost.
  package func settle() async throws {
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

  package func residentBytesOfDrones() throws -> Double { try residentBytes(.drone) }

  package func residentBytes(_ role: ProcessRole) throws -> Double {
    try processes(role).reduce(0) { try $0 + $1.residentBytes }
  }

  /// Bytes that the databases have had written to disk.
  package func writtenBytesOfDatabases() throws -> Double {
    try processes(.database).reduce(0) { try $0 + $1.writtenBytes }
  }

  /// Bytes of the files of the databases.
  package func databaseDiskBytes() throws -> Double {
    let paths = record.processes.filter { $0.role == .database }.map { directory.data(of: $0.name) }
    var bytes = 0.0
    for path in paths {
      let root = URL(filePath: path)
      let keys: [URLResourceKey] = [.fileSizeKey]
      let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: keys)
      while let file = files?.nextObject() as? URL {
        let values = try file.resourceValues(forKeys: Set(keys))
        bytes += Double(values.fileSize ?? 0)
      }
    }
    return bytes
  }

  /// What has gone over the connections to the nodes of a role.
  package func traffic(to role: ProcessRole) throws -> Traffic {
    let ports = record.processes.filter { $0.role == role }.compactMap { process in
      process.address.split(separator: ":").last.flatMap { UInt16($0) }
    }
    return try Traffic(to: Set(ports))
  }
}
