import Measuring
import Transport

/// What those who have sessions read while somebody opens a thousand bad connections a second.
///
/// The attacker has to run on this machine, too. What he takes from the readers wherever he knocks is told by
/// having him do the same to a decoy. Nobody, the decoy and the drone have turns of a second, with the same pauses:
/// whoever has paused gets more of a busy machine.
struct ThroughputTrials {
  private let cluster: VictimCluster
  private let pace: Pace
  private static let perSecond = 1_000
  private static let turn = Duration.seconds(1)

  init(_ cluster: VictimCluster, _ pace: Pace) {
    self.cluster = cluster
    self.pace = pace
  }

  /// A turn of each: reads a second.
  private struct Round {
    var quiet = 0.0
    var decoyed = 0.0
    var harmed = 0.0
    /// Bad connections a second.
    var opened = 0.0
  }

  private struct Trial {
    var rounds: [Round] = []
    /// Microseconds of processor time for a bad connection, with nobody reading.
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
    _ = try await readers.read(for: Self.turn)
    for kind in Attack.Kind.allCases {
      func attack(_ address: NodeAddress) -> Attack {
        Attack(kind: kind, address: address, perSecond: Self.perSecond, flight: flight)
      }
      var trials: [Trial] = []
      for _ in 0..<pace.trials {
        var trial = Trial()
        for _ in 0..<max(1, Int(pace.time / Self.turn)) {
          trial.rounds.append(
            try await round(readers, decoy: attack(decoy.address), drone: attack(drone.address)))
        }
        (trial.droneCost, trial.attackerCost) = try await cost(of: attack(drone.address), to: drone)
        trials.append(trial)
      }
      add(trials, kind.rawValue, to: &report)
    }
  }

  private func add(_ trials: [Trial], _ kind: String, to report: inout Report) {
    /// Of each trial the median of its rounds: what came between in a few of them does not count.
    func medians(_ value: (Round) -> Double) -> [Double] {
      trials.map { Median.of($0.rounds.map(value)) }
    }
    let opened = medians(\.opened)
    let all = Bystanders.allProcessors
    report.add("reads, nobody harms", medians(\.quiet), "a second")
    report.add("reads beside \(kind)", medians(\.harmed), "a second")
    report.add("… of which were opened", opened, "a second")
    report.add(
      "… ratio, the attacker on the same cores", medians { $0.harmed / $0.quiet }, "×", atLeast: 0.9)
    report.add(
      "… ratio to reads while he attacks a decoy", medians { $0.harmed / $0.decoyed }, "×", atLeast: 0.9)
    report.add("… processor time of the drone", trials.map(\.droneCost), "µs a connection")
    report.add(
      "… so it takes, of \(all) processors",
      zip(trials, opened).map { $0.droneCost * $1 / 10_000 / Double(all) }, "%")
    report.add("… processor time of the attacker", trials.map(\.attackerCost), "µs a connection")
  }

  private func round(_ readers: Readers, decoy: Attack, drone: Attack) async throws -> Round {
    var round = Round()
    for turn in [0, 1, 2].shuffled() {
      switch turn {
      case 0: round.quiet = try await read(readers, beside: nil).perSecond
      case 1: round.decoyed = try await read(readers, beside: decoy).perSecond
      default: (round.harmed, round.opened) = try await read(readers, beside: drone)
      }
    }
    return round
  }

  private func read(
    _ readers: Readers, beside attack: Attack?
  ) async throws -> (perSecond: Double, opened: Double) {
    let (outcome, attacker) = try await beside(attack) {
      // Until as many wait as may.
      try await Task.sleep(for: .milliseconds(200))
      return try await readers.read(for: Self.turn)
    }
    return (outcome.perSecond, attacker.map { Double($0.opened) / $0.seconds } ?? 0)
  }

  private func cost(of attack: Attack, to drone: VictimCluster.Drone) async throws -> (Double, Double) {
    let before = try drone.process.processorTime
    let (_, attacker) = try await beside(attack) { try await Task.sleep(for: pace.time) }
    guard let attacker, attacker.opened > 0 else { throw BenchmarkError("the attacker opens nothing") }
    let connections = Double(attacker.opened)
    return (
      (try drone.process.processorTime - before) * 1_000_000 / connections,
      attacker.processorTime * 1_000_000 / connections
    )
  }

  private func beside<Value>(
    _ attack: Attack?, _ body: () async throws -> Value
  ) async throws -> (Value, Attack.Outcome?) {
    let attacker = Task { await attack?.run() }
    let result: Result<Value, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    attacker.cancel()
    let outcome = await attacker.value
    // What he has left open is closed before anything else is measured.
    try await Task.sleep(for: .milliseconds(300))
    return (try result.get(), outcome)
  }
}
