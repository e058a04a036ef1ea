import HostNetworks

/// A node is cut off from all others under load, with some of its callers on its side of the cut: what it goes on
/// acknowledging to them, how long the others are without service, and what is lost when the cut is mended.
///
/// What is lost is a little more than is counted: a caller whose write waits for the end of the cut, and is then served,
/// has written over what was lost of that one key, and does not miss it.
struct CutTrial {
  /// How long the cut lasts beyond the time after which everything is served without the node.
  private static let afterwards = Duration.seconds(3)
  /// Those on the node's side who read what is written on the other side.
  private static let onlookers = 8

  func run(_ system: HostedSystem, _ keys: KeySet) async throws -> [Reading] {
    let majority = system.majority
    try majority.awaitWhole()
    let victim = try majority.victim(among: keys.tags)
    let minority = try system.side(with: victim.name)
    defer { minority.end() }
    let (inside, outside) = Self.split(keys.tags.filter(victim.tags.contains))
    try begin(majority, keys.tags.filter { !inside.contains($0) }, minority, inside, watched: outside)
    try await Task.sleep(for: .milliseconds(.random(in: 0...500)))
    let rate = try majority.rate + minority.rate

    try system.lay(.cut, to: victim.name)
    let start = ContinuousClock.now
    try majority.mark()
    try minority.mark()
    // Only another can serve these.
    try majority.awaitServed(outside, times: 2)
    let gaps = try majority.gaps(outside).sorted()
    try await Task.sleep(for: Self.afterwards)
    let alone = try minority.acknowledged()

    try system.lay(.whole, to: victim.name)
    // So that the one that comes back meets load.
    try await Task.sleep(for: .seconds(1))
    try majority.awaitWhole()
    let outcomes = (try minority.finish(), try majority.finish())
    let last = alone.last.map { max($0 - start, .zero) } ?? .zero
    return [
      Reading("without service, the longest of its keys", gaps[gaps.count - 1]),
      Reading("without service, the median of its keys", gaps[gaps.count / 2]),
      Reading("writes that it acknowledged, cut off", count: alone.count),
      Reading("the last of them, after the cut", alone.count > 0 ? last : .zero),
    ] + Self.total(outcomes).readings(failedGoal: nil) + [
      Reading("of the lost, those acknowledged on its side", count: outcomes.0.lost),
      // Only so many could be found to be stale of what others write.
      Reading("reads on its side of what others write", count: outcomes.0.sightings.count),
      Reading("requests a second before", rate: rate),
    ]
  }

  /// Every other one is on the node's side.
  private static func split(_ tags: [String]) -> (inside: [String], outside: [String]) {
    let numbered = tags.enumerated()
    return (
      numbered.filter { $0.offset.isMultiple(of: 2) }.map(\.element),
      numbered.filter { !$0.offset.isMultiple(of: 2) }.map(\.element)
    )
  }

  /// Returns when the load is in flow on both sides.
  private func begin(
    _ majority: Side, _ majoritys: [String], _ minority: Side, _ minoritys: [String], watched: [String]
  ) throws {
    let name = Load.newName()
    let watched = Array(watched.prefix(Self.onlookers))
    try majority.begin(.init(name: name, tags: majoritys, recorded: Set(watched)))
    try minority.begin(.init(name: name, tags: minoritys, watched: watched))
    for side in [majority, minority] { try side.awaitServed(times: 32) }
  }

  private static func total(_ outcomes: (minority: Load.Outcome, majority: Load.Outcome)) -> Load.Outcome {
    var total = outcomes.majority
    total.requests += outcomes.minority.requests
    total.failures += outcomes.minority.failures
    total.lost += outcomes.minority.lost
    total.stale += outcomes.minority.stale
    total.stale += Sighting.stale(
      outcomes.minority.sightings, after: outcomes.majority.acknowledgements)
    return total
  }
}
