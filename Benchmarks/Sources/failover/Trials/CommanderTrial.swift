import Foundation
import Keyval
import Measuring

/// The commander is killed under load: until when there is another, and whether a request fails.
struct CommanderTrial {
  func run(_ system: KeyvalSystem, _ keys: KeySet) async throws -> [Reading] {
    try await system.view.awaitWhole()
    // Without load: it asks the drones one after the other.
    let observer = try KeyvalView.client(of: system.cluster.directory)
    defer { observer.close() }
    let load = Load(keys.tags, system.view.store)
    let (elected, gap, others) = try await load.during {
      try await load.warmUp()
      let before = try await observer.status()
      guard let name = before.commander.instance else { throw BenchmarkError("the commander has no name") }
      let tags = try await system.keyvalView.tags(of: before.commander, among: keys.tags)
      let start = ContinuousClock.now
      try await system.send(SIGKILL, to: name)
      load.mark()
      try await system.cluster.awaitCommander(otherThan: before.commander, by: observer)
      let elected = ContinuousClock.now - start
      let callers = load.callers.filter { tags.contains($0.tag) }
      try await load.awaitServed(callers, times: 2, within: .seconds(60))
      try await eventually("the commander's status is of a higher term", within: .seconds(10)) {
        try await observer.status().term > before.term
      }
      let gap = callers.map(\.longestGap).max() ?? .zero
      try await load.goOn(for: .seconds(1))
      let others = load.callers.filter { !tags.contains($0.tag) }.map(\.longestGap).max() ?? .zero
      try system.restart(name)
      return (elected, gap, others)
    }
    let outcome = try await load.finish()
    return [
      Reading("until there is a new certified commander", elected, goal: 1.5),
      Reading("without service, the longest of its own keys", gap),
      Reading("without an answer, the longest of all other keys", others),
    ] + outcome.readings(failedGoal: 0)
  }
}
