import Keyval

/// What looking at the access list costs a read: by a list whose first line permits it, and by one where that is
/// the last of many, behind as many as may be of the reader's own that nearly fit.
struct AccessTrials {
  private let cluster: VictimCluster
  private let pace: Pace
  private static let lines = 1_000
  /// Lines of one pattern that a list may have, less the one that permits and the one that tells the list.
  private static let ownLines = 62

  init(_ cluster: VictimCluster, _ pace: Pace) {
    self.cluster = cluster
    self.pace = pace
  }

  func run(_ report: inout Report) async throws {
    let realm = try cluster.realm
    let alice = "alice@\(realm)"
    let own = (0..<Self.ownLines).map { "\(alice) - bench-x\($0)" }
    let others = (Self.ownLines..<Self.lines).map { "user\($0)@\(realm) r prefix\($0):" }
    let client = try cluster.client()
    let readers = try await Readers(client, servers: cluster.drones().map(\.process))
    defer { readers.close() }
    var (short, again, long): ([Readers.Outcome], [Readers.Outcome], [Readers.Outcome]) = ([], [], [])
    for _ in 0..<pace.trials {
      try await put([], alice, client)
      short.append(try await readers.read(for: pace.time))
      again.append(try await readers.read(for: pace.time))
      try await put(others + own, alice, client)
      long.append(try await readers.read(for: pace.time))
    }
    try cluster.replaceAccessList(["\(alice) *"])
    report.add("reads, the first line permits", short.map(\.perSecond), "a second")
    report.add("… the last of \(Self.lines) lines", long.map(\.perSecond), "a second")
    report.add("… ratio", zip(long, short).map { $0.perSecond / $1.perSecond }, "×", atLeast: 0.98)
    report.add(
      "… the first line again, ratio: noise", zip(again, short).map { $0.perSecond / $1.perSecond }, "×")
    report.add("drones' processor time, the first line permits", short.map(\.cost), "µs a read")
    report.add("… the last of \(Self.lines) lines", long.map(\.cost), "µs a read")
    report.add("… ratio", zip(long, short).map { $1.cost / $0.cost }, "×", atLeast: 0.98)
    report.add("… the first line again, ratio: noise", zip(again, short).map { $1.cost / $0.cost }, "×")
  }

  /// Puts a list in force, and waits until every drone goes by it: a line of its own refuses keys that the one
  /// before permitted. A list that nobody went by would cost nothing.
  private func put(_ lines: [String], _ alice: String, _ client: KeyvalClient) async throws {
    let marker = "marker\(UInt32.random(in: 0 ... .max)):"
    try cluster.replaceAccessList(lines + ["\(alice) - \(marker)", "\(alice) *"])
    let drones = Set(try cluster.drones().map(\.principal))
    let deadline = ContinuousClock.now + .seconds(15)
    var convinced: Set<String> = []
    var number = 0
    while convinced != drones {
      guard ContinuousClock.now < deadline else {
        throw BenchmarkError("the access list is not in force after 15 seconds")
      }
      number += 1
      let key = Array("\(marker)\(number)".utf8)
      guard let owner = try await client.locate(key).owner?.principal.text else { continue }
      do {
        _ = try await client.get(key)
        // Not yet; two heartbeats at most after the first.
        try await Task.sleep(for: .milliseconds(50))
      } catch KeyvalError.notPermitted { convinced.insert(owner) }
    }
  }
}
