/// What those who have sessions read while somebody opens a thousand bad connections a second.
///
/// The attacker has to run on this machine, too. What he takes from the readers wherever he knocks is told by having him
/// do the same to a decoy.
struct ThroughputTrials {
  private let cluster: VictimCluster
  private let pace: Pace
  private static let perSecond = 1_000

  init(_ cluster: VictimCluster, _ pace: Pace) {
    self.cluster = cluster
    self.pace = pace
  }

  private struct Trial {
    /// Reads a second.
    var quiet = 0.0
    var decoyed = 0.0
    var harmed = 0.0
    /// Bad connections a second.
    var opened = 0.0
    /// Microseconds of processor time for each, with nobody reading.
    var droneCost = 0.0
    var attackerCost = 0.0
  }

  func run(_ report: inout Report) async throws {
    let drone = try cluster.drone()
    let flight = try await FirstFlight.record(for: drone, of: cluster)
    let readers = try await Readers(cluster.client(), servers: cluster.drones().map(\.process))
    defer { readers.close() }
    let decoy = try Decoy()
    defer { decoy.close() }
    // The first reads of all are slower.
    _ = try await readers.read(for: .seconds(1))
    for kind in Attack.Kind.allCases {
      let attack = { (address) in
        Attack(kind: kind, address: address, perSecond: Self.perSecond, flight: flight)
      }
      var trials: [Trial] = []
      for _ in 0..<pace.trials {
        var trial = Trial()
        trial.quiet = try await readers.read(for: pace.time).perSecond
        trial.decoyed = try await read(readers, beside: attack(decoy.address)).perSecond
        let harmed = try await read(readers, beside: attack(drone.address))
        (trial.harmed, trial.opened) = (harmed.perSecond, harmed.opened)
        (trial.droneCost, trial.attackerCost) = try await cost(of: attack(drone.address), to: drone)
        trials.append(trial)
      }
      report.add("reads, nobody harms", trials.map(\.quiet), "a second")
      report.add("reads beside \(kind.rawValue)", trials.map(\.harmed), "a second")
      report.add("… of which were opened", trials.map(\.opened), "a second")
      report.add(
        "… ratio, the attacker on the same cores", trials.map { $0.harmed / $0.quiet }, "×", atLeast: 0.9)
      report.add("… ratio to reads while he attacks a decoy", trials.map { $0.harmed / $0.decoyed }, "×")
      report.add("… processor time of the drone", trials.map(\.droneCost), "µs a connection")
      report.add(
        "… so it takes, of \(Bystanders.allProcessors) processors",
        trials.map { $0.droneCost * $0.opened / 10_000 / Double(Bystanders.allProcessors) }, "%")
      report.add("… processor time of the attacker", trials.map(\.attackerCost), "µs a connection")
    }
  }

  private func read(
    _ readers: Readers, beside attack: Attack
  ) async throws -> (perSecond: Double, opened: Double) {
    let (outcome, attacker) = try await beside(attack) { try await readers.read(for: pace.time) }
    return (outcome.perSecond, Double(attacker.opened) / attacker.seconds)
  }

  private func cost(of attack: Attack, to drone: VictimCluster.Drone) async throws -> (Double, Double) {
    let before = try drone.process.processorTime
    let (_, attacker) = try await beside(attack) { try await Task.sleep(for: pace.time) }
    let connections = Double(max(1, attacker.opened))
    return (
      (try drone.process.processorTime - before) * 1_000_000 / connections,
      attacker.processorTime * 1_000_000 / connections
    )
  }

  private func beside<Value>(
    _ attack: Attack, _ body: () async throws -> Value
  ) async throws -> (Value, Attack.Outcome) {
    let attacker = Task { await attack.run() }
    let result: Result<Value, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    attacker.cancel()
    let outcome = await attacker.value
    // What he has left open is closed before anything else is measured.
    try await Task.sleep(for: .seconds(1))
    return (try result.get(), outcome)
  }
}
