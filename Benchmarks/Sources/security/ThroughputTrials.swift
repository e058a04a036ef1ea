/// What those who have sessions read while somebody opens a thousand bad connections a second.
struct ThroughputTrials {
  private let cluster: VictimCluster
  private let pace: Pace
  private static let perSecond = 1_000

  init(_ cluster: VictimCluster, _ pace: Pace) {
    self.cluster = cluster
    self.pace = pace
  }

  func run(_ report: inout Report) async throws {
    let drone = try cluster.drone()
    let flight = try await FirstFlight.record(for: drone, of: cluster)
    let readers = try await Readers(cluster.client())
    defer { readers.close() }
    for kind in Attack.Kind.allCases {
      var (quiet, harmed, opened): ([Double], [Double], [Double]) = ([], [], [])
      for _ in 0..<pace.trials {
        quiet.append(try await readers.rate(for: pace.time))
        let attack = Attack(kind: kind, address: drone.address, perSecond: Self.perSecond, flight: flight)
        let clock = ContinuousClock()
        let began = clock.now
        let attacker = Task { await attack.run() }
        let result: Result<Double, any Error>
        do { result = .success(try await readers.rate(for: pace.time)) } catch { result = .failure(error) }
        attacker.cancel()
        opened.append(Double(await attacker.value) / ((clock.now - began) / .seconds(1)))
        harmed.append(try result.get())
      }
      report.add("reads, nobody harms", quiet, "a second")
      report.add("reads beside \(kind.rawValue)", harmed, "a second")
      report.add("… of which were opened", opened, "a second")
      report.add(
        "… ratio, the attacker on the same cores", zip(harmed, quiet).map { $0 / $1 }, "×", atLeast: 0.9)
    }
  }
}
