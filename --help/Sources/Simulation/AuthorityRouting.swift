import Cluster

/// Which of the authority's processes a node talks to, as its mesh of peers decides it: the one that it heard last,
/// the next one when nobody listens there or when it has been silent for too long.
final class AuthorityRouting {
  private struct Route {
    var place = 0
    /// Since when something that was sent waits for a sign of life.
    var unanswered: Int64?
  }

  private unowned let world: World
  private var routes: [Int: Route] = [:]
  private static let silence: Int64 = 3_000_000

  init(_ world: World) { self.world = world }

  /// Whom a message of this node goes to.
  func target(of source: Machine) -> AuthorityMachine {
    let processes = world.authorities
    var route = routes[source.index] ?? Route()
    if processes.count > 1 {
      let isSilent = route.unanswered.map { world.time - $0 > Self.silence } ?? false
      if isSilent || !processes[route.place % processes.count].isListening {
        route.place += 1
        route.unanswered = nil
      }
      route.unanswered = route.unanswered ?? world.time
    }
    routes[source.index] = route
    return processes[route.place % processes.count]
  }

  /// Something came from this process.
  func heard(_ process: AuthorityMachine, at node: Machine) {
    guard let place = world.authorities.firstIndex(where: { $0 === process }) else { return }
    routes[node.index] = Route(place: place, unanswered: nil)
  }
}
