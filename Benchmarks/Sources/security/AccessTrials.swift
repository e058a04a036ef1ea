import Keyval

/// What looking at the access list costs a read: by the list that has one line, and by one where the line that permits it
/// is the last of many.
struct AccessTrials {
  private let cluster: VictimCluster
  private let pace: Pace
  private static let lines = 1_000

  init(_ cluster: VictimCluster, _ pace: Pace) {
    self.cluster = cluster
    self.pace = pace
  }

  func run(_ report: inout Report) async throws {
    let realm = try cluster.realm
    let permission = "alice@\(realm) *"
    let others = (1..<Self.lines).map { "user\($0)@\(realm) r prefix\($0):" }
    let readers = try await Readers(cluster.client())
    defer { readers.close() }
    var (short, long): ([Double], [Double]) = ([], [])
    for _ in 0..<pace.trials {
      try await put([permission])
      short.append(try await readers.rate(for: pace.time))
      try await put(others + [permission])
      long.append(try await readers.rate(for: pace.time))
    }
    try await put([permission])
    report.add("reads with an access list of one line", short, "a second")
    report.add("reads with one of \(Self.lines) lines, the last permits", long, "a second")
    report.add("… ratio", zip(long, short).map { $0 / $1 }, "×", atLeast: 0.98)
  }

  /// Puts a list in force: everywhere once a line that the one before did not have counts.
  private func put(_ lines: [String]) async throws {
    let stranger = "marker\(UInt32.random(in: 0 ... .max))"
    try cluster.replaceAccessList(lines + ["\(stranger)@\(try cluster.realm) r marker:"])
    // Five seconds at most, as the design promises, and a heartbeat or two.
    try await Task.sleep(for: .seconds(6))
  }
}
