import Cluster
import Kerberos
import Keyval
import Synchronization
import Transport
import Wire

/// Memory and file descriptors of a drone: before, at most during, and after each flood.
struct FloodTrials {
  private let cluster: VictimCluster
  private let pace: Pace
  private static let sessions = 300

  init(_ cluster: VictimCluster, _ pace: Pace) {
    self.cluster = cluster
    self.pace = pace
  }

  func run(_ report: inout Report) async throws {
    let drone = try cluster.drone()
    let flight = try await FirstFlight.record(for: drone, of: cluster)
    for kind in Attack.Kind.allCases {
      try await measure(kind.rawValue, drone, &report) {
        let attack = Attack(kind: kind, address: drone.address, perSecond: 1_000, flight: flight)
        let attacker = Task { await attack.run() }
        try await Task.sleep(for: pace.time)
        attacker.cancel()
        _ = await attacker.value
      }
    }
    try await measure("\(Self.sessions) sessions of one principal", drone, &report) {
      let sessions = try await open(drone)
      try await Task.sleep(for: pace.time)
      for session in sessions { session.close() }
    }
    let key = try await cluster.key(of: drone, value: [UInt8](repeating: 7, count: 1_000_000))
    try await measure("\(Self.sessions) sessions that ask and do not read", drone, &report) {
      let sessions = try await open(drone)
      for session in sessions { session.execute { $0.pauseReading() } }
      for number in 0..<32 {
        for session in sessions {
          session.execute { session in
            // One that the drone has ended takes nothing any more.
            try? session.write(messages: DataRequest.get(UInt64(number), key))
            session.flush()
          }
        }
      }
      try await Task.sleep(for: pace.time)
      for session in sessions { session.close() }
    }
  }

  private func open(_ drone: VictimCluster.Drone) async throws -> [SessionReference] {
    let credential = try cluster.alice()
    var sessions: [SessionReference] = []
    for _ in 0..<Self.sessions {
      sessions.append(
        try await SessionDialer(cluster: cluster.name).dial(
          drone.principal, at: drone.address, on: VictimCluster.group.next(), credential: { credential },
          handler: { _, _ in Ignorant() }))
    }
    return sessions
  }

  private func measure(
    _ name: String, _ drone: VictimCluster.Drone, _ report: inout Report, _ flood: () async throws -> Void
  ) async throws {
    let process = drone.process
    let before = (try process.residentMebibytes, try process.descriptors)
    let watch = Task {
      var most = (memory: 0.0, descriptors: 0.0)
      while !Task.isCancelled {
        most.memory = max(most.memory, try process.residentMebibytes)
        most.descriptors = max(most.descriptors, try process.descriptors)
        try? await Task.sleep(for: .milliseconds(20))
      }
      return most
    }
    let result: Result<Void, any Error>
    do { result = .success(try await flood()) } catch { result = .failure(error) }
    watch.cancel()
    let most = try await watch.value
    try result.get()
    // What waited for a peer that closes is given up within a second; a handshake within ten.
    try await Task.sleep(for: .seconds(12))
    let after = (try process.residentMebibytes, try process.descriptors)
    for (what, unit, values) in [
      ("memory", "MiB", (before.0, most.memory, after.0)),
      ("descriptors", "open", (before.1, most.descriptors, after.1)),
    ] {
      report.add("\(name): \(what) before", [values.0], unit)
      report.add("… at most", [values.1], unit)
      report.add("… after", [values.2], unit)
    }
  }
}
