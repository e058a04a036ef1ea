import Keyval
import Measuring

/// What looking at the access list costs a read: of keys that the reader's first line permits, and of keys
/// that the last does, behind as many as may be that nearly fit.
///
/// Both are read by turns of a tenth of a second, with the same sessions and list and from the same slots.
/// The first kind is read twice: what these two differ by is noise.
struct AccessTrials {
  private let cluster: VictimCluster
  private let pace: Pace
  /// Lines of one pattern that a list may have; two are the first and the last.
  private static let nearlyFitting = 62
  private static let lines = 1_000
  private static let turn = Duration.milliseconds(100)

  /// A turn of each.
  private typealias Round = [Readers.Outcome]

  init(_ cluster: VictimCluster, _ pace: Pace) {
    self.cluster = cluster
    self.pace = pace
  }

  func run(_ report: inout Report) async throws {
    let (client, servers) = (try cluster.client(), try cluster.drones().map(\.process))
    defer { client.close() }
    let readers = [
      try await Readers(client, servers: servers, name: "front"),
      try await Readers(client, servers: servers, name: "bench"),
      try await Readers(client, servers: servers, name: "front"),
    ]
    try await install(client)
    for reader in readers { _ = try await reader.read(for: Self.turn) }
    var trials: [[Round]] = []
    for _ in 0..<pace.trials {
      var rounds: [Round] = []
      for _ in 0..<max(1, Int(pace.time / Self.turn)) {
        var round = Round(repeating: Readers.Outcome(), count: readers.count)
        for index in readers.indices.shuffled() {
          round[index] = try await readers[index].read(for: Self.turn)
        }
        rounds.append(round)
      }
      trials.append(rounds)
    }
    try cluster.replaceAccessList(["alice@\(cluster.realm) *"])
    /// Of each trial the median of its rounds: what came between in a few of them does not count.
    func medians(_ value: (Round) -> Double) -> [Double] { trials.map { Median.of($0.map(value)) } }
    let last = "… the last of \(Self.nearlyFitting + 2)"
    report.add("reads that the first line permits", medians { $0[0].perSecond }, "a second")
    report.add(last, medians { $0[1].perSecond }, "a second")
    add(medians { $0[1].perSecond / $0[0].perSecond }, noise: medians { $0[2].perSecond / $0[0].perSecond })
    report.add("processor time of the drones, the first line permits", medians { $0[0].cost }, "µs a read")
    report.add(last, medians { $0[1].cost }, "µs a read")
    add(medians { $0[0].cost / $0[1].cost }, noise: medians { $0[0].cost / $0[2].cost })

    /// Not to be measured is what differs by less than a fiftieth, or than the same differs from itself.
    func add(_ ratios: [Double], noise: [Double]) {
      report.add("… ratio", ratios, "×", atLeast: min(0.98, 1 - abs(1 - Median.of(noise))))
      report.add("… the first again: noise", noise, "×")
    }
  }

  /// Puts the list in force, and waits until every drone goes by it. A list that nobody went by would cost
  /// nothing.
  private func install(_ client: KeyvalClient) async throws {
    let realm = try cluster.realm
    let others = (Self.nearlyFitting..<Self.lines).map { "user\($0)@\(realm) r bench{\($0)" }
    // The last of them is there to be seen.
    let own = (1..<Self.nearlyFitting).map { "alice@\(realm) - bench:\($0)" } + ["alice@\(realm) - refused"]
    try cluster.replaceAccessList(["alice@\(realm) * front"] + others + own + ["alice@\(realm) *"])
    var drones = Set(try cluster.drones().map(\.principal))
    let deadline = ContinuousClock.now + .seconds(15)
    var number = 0
    while !drones.isEmpty {
      guard ContinuousClock.now < deadline else {
        throw BenchmarkError("the access list is not in force after 15 seconds")
      }
      number += 1
      let key = Array("refused\(number)".utf8)
      guard let owner = try await client.locate(key).owner?.principal.text, drones.contains(owner) else {
        continue
      }
      do {
        _ = try await client.get(key)
        try await Task.sleep(for: .milliseconds(50))
      } catch KeyvalError.notPermitted { drones.remove(owner) }
    }
  }
}
