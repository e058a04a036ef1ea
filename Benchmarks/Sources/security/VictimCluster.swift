import Foundation
import Kerberos
import Keyval
import LocalCluster
import Measuring
import NIOCore
import NIOPosix
import Provisioning
import Sessions
import Transport

/// A cluster of three drones on this machine, to be attacked.
final class VictimCluster: Sendable {
  let directory: ClusterDirectory
  let name = "bench"
  /// For attackers and for callers.
  static let group = MultiThreadedEventLoopGroup.singleton

  init(in path: String, program: String) async throws {
    directory = try ClusterDirectory(creating: path)
    let directory = directory
    try await LocalCluster.start(
      ClusterPlan(cluster: name, drones: 3), in: directory, program: program, sites: Loopback(),
      reporter: StepReporter { _ in }
    ) {
      let client = try Self.client(of: directory)
      defer { client.close() }
      let status = try await client.status()
      let share = Slot.count / 3 - 2 * Partition.slotsEach
      return status.slotsServed == Slot.count && status.slotsShadowed == Slot.count
        && status.drones.count == 3 && status.drones.allSatisfy { $0.slots >= share }
    }
  }

  func stop() throws { try LocalCluster.stop(in: directory, .force()) }

  func client() throws -> KeyvalClient { try Self.client(of: directory) }

  private static func client(of directory: ClusterDirectory) throws -> KeyvalClient {
    var configuration = try ClientConfiguration.load(path: directory.clientConfiguration)
    configuration.credentialCache = "FILE:\(directory.cache(of: "alice"))"
    return try KeyvalClient(configuration: configuration)
  }

  /// Somebody else, who may do with keys what he wants to as well.
  func otherClient() throws -> KeyvalClient {
    let name = "bob"
    var configuration = try ClientConfiguration.load(path: directory.clientConfiguration)
    let cache = directory.cache(of: name)
    var status = stat()
    guard stat(RealmLayout(directory: directory.realm).settings, &status) == 0 else {
      throw BenchmarkError("there is no realm in \(directory.realm)")
    }
    let realm = try Realm.open(
      directory: directory.realm, owner: UnixUser(uid: status.st_uid, gid: status.st_gid))
    let password = "\(UInt64.random(in: .min ... .max))-\(UInt64.random(in: .min ... .max))"
    try realm.addUser(name: name, password: password)
    try realm.kinit(principal: "\(name)@\(self.realm)", password: password, cache: cache)
    try replaceAccessList(["\(name)@* rwd", "alice@* *"])
    configuration.credentialCache = "FILE:\(cache)"
    return try KeyvalClient(configuration: configuration)
  }

  /// The first user's ticket.
  func alice() throws -> InitiatorCredential { try .fromCache(name: "FILE:\(directory.cache(of: "alice"))") }

  struct Drone: Sendable {
    let principal: String
    let address: NodeAddress
    let process: ProcessFigures
  }

  func drones() throws -> [Drone] {
    let record = try ClusterRecord.load(from: directory)
    return try record.processes.filter { $0.role == .drone }.map { process in
      Drone(
        principal: "keyval-drone/\(process.name)@\(record.realm)", address: try NodeAddress(process.address),
        process: ProcessFigures(pid: process.identity.pid))
    }
  }

  /// All of its nodes and daemons.
  var processes: [ProcessFigures] {
    get throws {
      try ClusterRecord.load(from: directory).processes.map { ProcessFigures(pid: $0.identity.pid) }
    }
  }

  /// The first drone.
  func drone() throws -> Drone {
    guard let drone = try drones().first else { throw BenchmarkError("there is no drone") }
    return drone
  }

  /// A key of this drone's, with a value.
  func key(of drone: Drone, value: [UInt8]) async throws -> [UInt8] {
    let client = try client()
    defer { client.close() }
    for number in 0..<10_000 {
      let key = Array("own-\(number)".utf8)
      guard try await client.locate(key).owner?.principal.text == drone.principal else { continue }
      try await client.put(key, value)
      return key
    }
    throw BenchmarkError("the drone owns none of ten thousand keys")
  }

  /// Puts a list in the place of the one that is there, whole.
  func replaceAccessList(_ lines: [String]) throws {
    let path = directory.accessList
    try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: URL(filePath: path + ".new"))
    guard chmod(path + ".new", 0o644) == 0, rename(path + ".new", path) == 0 else {
      throw BenchmarkError("\(path) cannot be replaced")
    }
  }

  var realm: String { get throws { try ClusterRecord.load(from: directory).realm } }
}
