import Foundation
import Keyval
import LocalCluster
import Measuring

/// A cluster of three drones on this machine, with a KDC, an authority and a database of its own.
final class KeyvalCluster: Sendable {
  let directory: ClusterDirectory
  private let program: String
  private let sites: any ClusterSites
  static let droneNames = ["d1", "d2", "d3"]

  /// Starts the cluster; one that was stopped in the directory comes back, with its realm and keys.
  /// - Parameters:
  ///   - heartbeat: in milliseconds; a lease is eight of them.
  ///   - sites: where the processes run.
  ///   - probe: asks from elsewhere whether the cluster serves; nil: by a client of this process.
  init(
    in path: String, program: String, heartbeat: Int, sites: any ClusterSites = Loopback(),
    probe: (@Sendable (ClusterDirectory) async throws -> Bool)? = nil
  ) async throws {
    directory = try ClusterDirectory(creating: path)
    self.program = program
    self.sites = sites
    let directory = directory
    let plan = ClusterPlan(
      cluster: "bench", drones: Self.droneNames.count, heartbeat: heartbeat == 250 ? nil : heartbeat)
    try await LocalCluster.start(
      plan, in: directory, program: program, sites: sites, reporter: StepReporter { _ in }
    ) {
      if let probe { return try await probe(directory) }
      let client = try KeyvalView.client(of: directory)
      defer { client.close() }
      return try await client.status().slotsServed == Slot.count
    }
  }

  func stop() throws { try LocalCluster.stop(in: directory, .force()) }

  // MARK: Processes

  var drones: [ClusterRecord.Process] {
    get throws { try ClusterRecord.load(from: directory).processes.filter { $0.role == .drone } }
  }

  private func process(_ name: String) throws -> ProcessIdentity {
    guard let process = try drones.first(where: { $0.name == name }) else {
      throw BenchmarkError("there is no drone \(name)")
    }
    return process.identity
  }

  /// - Returns: the process that it was sent to.
  @discardableResult
  func send(_ signal: Int32, to name: String) throws -> Int32 {
    let process = try process(name)
    guard process.send(signal: signal) else { throw BenchmarkError("\(name) does not run") }
    return process.pid
  }

  func awaitEnd(of name: String) async throws {
    let identity = try process(name)
    try await eventually("\(name) has ended", within: .seconds(30)) {
      identity.reap()
      return !identity.isRunning
    }
  }

  func restart(_ name: String) throws {
    try LocalCluster.restart(name, in: directory, program: program, sites: sites)
  }

  // MARK: Waiting

  /// Waits until all drones have about the same share, and every slot is served and shadowed.
  @discardableResult
  static func awaitWhole(by client: KeyvalClient) async throws -> ClusterStatus {
    var latest: ClusterStatus?
    do {
      try await eventually("all drones have their share", within: .seconds(60)) {
        let status = try await client.status()
        latest = status
        return isWhole(status)
      }
    } catch {
      throw BenchmarkError("\(error); \(latest.map(summary) ?? "no status")")
    }
    guard let latest else { throw BenchmarkError("there is no status") }
    return latest
  }

  private static func isWhole(_ status: ClusterStatus) -> Bool {
    let share = Slot.count / droneNames.count
    return status.slotsServed == Slot.count && status.slotsShadowed == Slot.count && status.slotsMoving == 0
      && status.drones.count == droneNames.count
      && status.drones.allSatisfy {
        $0.state == .serving && abs($0.slots - share) <= 2 * Partition.slotsEach
      }
  }

  private static func summary(_ status: ClusterStatus) -> String {
    let drones = status.drones.map { "\($0.principal.instance ?? "?") \($0.state) \($0.slots)" }
    return "served \(status.slotsServed), shadowed \(status.slotsShadowed), moving \(status.slotsMoving), "
      + drones.joined(separator: ", ")
  }

  /// Asks the drones themselves, without a ticket, until one of them names another commander than the former.
  func awaitCommander(otherThan former: Principal, by client: KeyvalClient) async throws {
    let addresses = try drones.filter { $0.name != former.instance }.compactMap { Endpoint($0.address) }
    try await eventually("there is a new commander", within: .seconds(60), every: .milliseconds(2)) {
      for address in addresses {
        if let named = try await client.hello(address).commander, named != former.text { return true }
      }
      return false
    }
  }
}
