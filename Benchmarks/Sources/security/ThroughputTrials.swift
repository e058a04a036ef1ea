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
    let quiet: Double
    let harmed: Double
    /// Bad connections a second.
    let opened: Double
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
      for _ in 0..<pace.trials { trials.append(try await trial(of: attack, readers)) }
      report.add("reads, nobody harms", trials.map(\.quiet), "a second")
      report.add("reads beside \(kind.rawValue)", trials.map(\.harmed), "a second")
      report.add("… of which were opened", trials.map(\.opened), "a second")
      report.add(
        "… ratio, the attacker on the same cores", trials.map { $0.harmed / $0.quiet }, "×", atLeast: 0.9)
    }
  }

  private func trial(of attack: Attack, _ readers: Readers) async throws -> Trial {
    let quiet = try await readers.read(for: pace.time)
    let clock = ContinuousClock()
    let began = clock.now
    let attacker = Task { await attack.run() }
    let result: Result<Readers.Outcome, any Error>
    do { result = .success(try await readers.read(for: pace.time)) } catch { result = .failure(error) }
    attacker.cancel()
    let opened = Double(await attacker.value) / ((clock.now - began) / .seconds(1))
    return Trial(quiet: quiet.perSecond, harmed: try result.get().perSecond, opened: opened)
  }
}
