/// What those who have sessions read while somebody opens a thousand bad connections a second.
struct ThroughputTrials {
  private let cluster: VictimCluster
  private let pace: Pace
  private static let perSecond = 1_000

  init(_ cluster: VictimCluster, _ pace: Pace) {
    self.cluster = cluster
    self.pace = pace
  }

  private struct Trial {
    /// Before and after.
    let quiet: Double
    let harmed: Double
    /// Bad connections a second.
    let opened: Double
    /// Microseconds of processor time for each, with nobody reading.
    let droneCost: Double
    let attackerCost: Double
  }

  func run(_ report: inout Report) async throws {
    let drone = try cluster.drone()
    let flight = try await FirstFlight.record(for: drone, of: cluster)
    let readers = try await Readers(cluster.client(), servers: cluster.drones().map(\.process))
    defer { readers.close() }
    // The first reads of all are slower.
    _ = try await readers.read(for: .seconds(1))
    for kind in Attack.Kind.allCases {
      let attack = Attack(kind: kind, address: drone.address, perSecond: Self.perSecond, flight: flight)
      var trials: [Trial] = []
      for _ in 0..<pace.trials { trials.append(try await trial(of: attack, on: drone, readers)) }
      report.add("reads, nobody harms", trials.map(\.quiet), "a second")
      report.add("reads beside \(kind.rawValue)", trials.map(\.harmed), "a second")
      report.add("… of which were opened", trials.map(\.opened), "a second")
      report.add(
        "… ratio, the attacker on the same cores", trials.map { $0.harmed / $0.quiet }, "×", atLeast: 0.9)
      report.add("… processor time of the drone", trials.map(\.droneCost), "µs a connection")
      report.add("… of the attacker", trials.map(\.attackerCost), "µs a connection")
    }
  }

  private func trial(of attack: Attack, on drone: VictimCluster.Drone, _ readers: Readers) async throws
    -> Trial
  {
    let before = try await readers.read(for: pace.time)
    let began = ContinuousClock.now
    let (harmed, attacker) = try await beside(attack) { try await readers.read(for: pace.time) }
    let opened = Double(attacker.opened) / ((ContinuousClock.now - began) / .seconds(1))
    // Those that are still open are closed, so that they cost the others nothing.
    try await Task.sleep(for: .seconds(1))
    let after = try await readers.read(for: pace.time)
    let used = try drone.process.processorTime
    let (_, alone) = try await beside(attack) { try await Task.sleep(for: pace.time) }
    let cost = (try drone.process.processorTime - used) * 1_000_000 / Double(max(1, alone.opened))
    return Trial(
      quiet: (before.perSecond + after.perSecond) / 2, harmed: harmed.perSecond, opened: opened,
      droneCost: cost, attackerCost: alone.processorTime * 1_000_000 / Double(max(1, alone.opened)))
  }

  private func beside<Value>(
    _ attack: Attack, _ body: () async throws -> Value
  ) async throws -> (Value, Attack.Outcome) {
    let attacker = Task { await attack.run() }
    let result: Result<Value, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    attacker.cancel()
    let outcome = await attacker.value
    return (try result.get(), outcome)
  }
}
