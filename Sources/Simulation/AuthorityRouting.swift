import Cluster
import Sessions

/// Which of the authority's processes a node talks to, as its mesh of peers decides it (`PeerRoute`). Sessions are opened
/// at once here, or not at all: there is one with each process that has been reached and listens.
final class AuthorityRouting {
  private unowned let world: World
  /// Of each life of a node.
  private var routes: [Int: (life: Int, route: PeerRoute)] = [:]

  init(_ world: World) { self.world = world }

  private var now: Duration { .microseconds(world.time) }

  /// Whom a message of this node goes to.
  func target(of source: Machine) -> AuthorityMachine {
    let processes = world.authorities
    return change(source) { route in
      if let newest = route.newest(isOpen: { processes[Int($0)].isListening }) {
        if let beside = route.lookBeside(addresses: processes.count, now: now) { dial(beside, &route) }
        return processes[Int(newest)]
      }
      // What nobody listens to at any address is lost: here no message waits.
      _ = route.enqueue([], now: now)
      defer { route.dropQueue() }
      for _ in processes {
        guard case .dial(let index) = route.moved(addresses: processes.count, now: now) else { break }
        if dial(index, &route) { return processes[index] }
      }
      return processes[0]
    }
  }

  @discardableResult
  private func dial(_ index: Int, _ route: inout PeerRoute) -> Bool {
    guard world.authorities[index].isListening else {
      _ = route.failed(isReplacement: false, addresses: world.authorities.count, now: now, random: 0.5)
      return false
    }
    route.dialled()
    route.closed(UInt64(index))
    _ = route.opened(UInt64(index), now: now)
    return true
  }

  /// Something came from this process, on a session that it may have opened for that.
  func heard(_ process: AuthorityMachine, at node: Machine) {
    guard let place = world.authorities.firstIndex(where: { $0 === process }) else { return }
    let session = UInt64(place)
    change(node) { route in
      if route.sessions.contains(session) {
        route.received(on: session)
      } else {
        _ = route.opened(session, now: now)
      }
    }
  }

  @discardableResult
  private func change<Result>(_ node: Machine, _ body: (inout PeerRoute) -> Result) -> Result {
    if routes[node.index]?.life != node.life { routes[node.index] = nil }
    return body(&routes[node.index, default: (node.life, PeerRoute())].route)
  }
}
