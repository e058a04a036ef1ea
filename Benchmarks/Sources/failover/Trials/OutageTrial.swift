import Foundation

/// A node is killed or stopped under load: how long its keys are without service, and what is lost.
struct OutageTrial {
  enum Fault { case kill, hang }

  let fault: Fault
  /// The goal for the time without service in seconds, if there is one.
  let goal: Double?

  func run(_ system: any System, _ keys: KeySet) async throws -> [Reading] {
    try await system.view.awaitWhole()
    let load = Load(keys.tags, system.view.store)
    let (gaps, rate) = try await load.during {
      try await load.warmUp()
      let victim = try await system.view.victim(among: keys.tags)
      let rate = load.rate
      try await system.send(fault == .kill ? SIGKILL : SIGSTOP, to: victim.name)
      // From now on only another can serve its keys.
      load.mark()
      let callers = load.callers.filter { victim.tags.contains($0.tag) }
      do {
        try await load.awaitServed(callers, times: 2, within: .seconds(60))
      } catch {
        if fault == .hang { try? await system.send(SIGCONT, to: victim.name) }
        throw error
      }
      let gaps = callers.map(\.longestGap).sorted()
      if fault == .hang { try await system.send(SIGCONT, to: victim.name) }
      // So that the one that comes back meets load.
      try await load.goOn(for: .seconds(1))
      if fault == .kill { try system.restart(victim.name) }
      return (gaps, rate)
    }
    let outcome = try await load.finish()
    return [
      Reading("without service, the longest of its keys", gaps[gaps.count - 1], goal: goal),
      Reading("without service, the median of its keys", gaps[gaps.count / 2]),
    ] + outcome.readings(failedGoal: nil) + [Reading("requests a second before", rate: rate)]
  }
}
