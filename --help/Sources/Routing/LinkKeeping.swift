import Cluster

extension ClientRouter {
  /// A link that was opened so recently is not replaced again: its ticket was not renewed meanwhile.
  private static let youngLink: Int64 = 30_000

  /// The link to a drone, opened if there is none; nil while the drone is left alone after failures.
  mutating func link(to drone: SlotMap.Drone) -> LinkID? {
    if let id = current[drone.principal] { return id }
    if let outage = outages[drone.principal], outage.until > now {
      wake(by: outage.until)
      return nil
    }
    let id = open(drone)
    current[drone.principal] = id
    return id
  }

  private mutating func open(_ drone: SlotMap.Drone) -> LinkID {
    lastLink += 1
    let id = LinkID(lastLink)
    links[id] = Link(id: id, to: drone, now: now)
    emit(.open(id, drone.principal, drone.endpoint))
    return id
  }

  mutating func opened(_ id: LinkID, expiry: Int64, client: String?) {
    guard let link = links[id], link.state == .opening else { return }
    links[id]?.state = .open
    links[id]?.openedAt = now
    links[id]?.expiry = expiry
    links[id]?.client = client
    links[id]?.silentSince = nil
    links[id]?.queue = []
    links[id]?.asksForMap = false
    if let old = current[link.principal], old != id {
      current[link.principal] = id
      closeIfDrained(old)
    }
    if link.asksForMap { askForMap(id) }
    for request in link.queue where requests[request]?.state == .queued(id) { send(request, on: id) }
  }

  mutating func failed(_ id: LinkID, _ failure: LinkFailure) {
    guard let link = links[id], link.state == .opening else { return }
    forget(link)
    let waiting = link.queue.filter { requests[$0]?.state == .queued(id) }
    switch failure {
    case .unreachable(let problem):
      refresh.unreachable = link.principal
      countFailure(of: link.principal)
      for request in waiting {
        requests[request]?.problem = problem
        route(request)
      }
      candidateFailed(id, MapRefresh.Failure(drone: link.principal, problem: problem, error: nil))
      if !waiting.isEmpty { refreshMap() }
    case .refused(let reason):
      countFailure(of: link.principal)
      let error = KeyvalError.refused(by: link.principal.text, reason: reason)
      for request in waiting { fail(request, error) }
      candidateFailed(id, MapRefresh.Failure(drone: link.principal, problem: reason, error: error))
    case .credential where current[link.principal] != nil:
      // A replacement: the session that it was for goes on as long as its ticket.
      break
    case .credential(let error):
      // No drone would take the caller: everything that was not sent fails, and the next request tries anew.
      for request in requests.keys.sorted() {
        if case .sent = requests[request]?.state { continue }
        fail(request, error)
      }
      refresh.stop()
    }
  }

  /// An open link has ended. Reads go again at once; writes too, and say that they may have been executed.
  mutating func lost(_ id: LinkID, _ reason: String) {
    guard let link = links[id] else { return }
    guard link.state == .open else { return failed(id, .unreachable(reason)) }
    forget(link)
    if now - link.openedAt < timing.shortSession {
      countFailure(of: link.principal)
    } else {
      outages[link.principal] = nil
    }
    let orphans = requests.keys.sorted().filter { requests[$0]?.state == .sent(id) }
    if !orphans.isEmpty { refresh.unreachable = link.principal }
    for request in orphans {
      doubt(request)
      requests[request]?.problem = reason
      requests[request]?.state = .waiting(until: nil)
    }
    for request in orphans { route(request) }
    candidateFailed(id, MapRefresh.Failure(drone: link.principal, problem: reason, error: nil))
    if !orphans.isEmpty { refreshMap() }
  }

  /// Opens a session beside one that will end; requests move over once it is there.
  mutating func replace(_ id: LinkID) {
    guard let link = links[id], link.state == .open, current[link.principal] == id, !link.isExpiring,
      now - link.openedAt >= Self.youngLink
    else { return }
    links[id]?.isExpiring = true
    _ = open(SlotMap.Drone(principal: link.principal, endpoint: link.endpoint))
  }

  /// Closes a link that was replaced, once it owes nothing.
  mutating func closeIfDrained(_ id: LinkID) {
    guard let link = links[id], link.state == .open, link.owed == 0, current[link.principal] != id else {
      return
    }
    links[id] = nil
    emit(.close(id))
  }

  /// Looks after drones that owe answers and say nothing.
  mutating func watchLinks() {
    for id in links.keys.sorted() {
      guard let link = links[id], let silentSince = link.silentSince else { continue }
      let silence = now - silentSince
      if link.state == .opening {
        // The dial has time limits of its own; meanwhile the map may give its requests to another.
        if silence >= timing.suspicion, !link.queue.isEmpty { refreshMap() }
      } else if silence >= timing.abandonment {
        emit(.close(id))
        lost(id, "\(link.principal.shortName) does not answer")
      } else if silence >= timing.suspicion {
        if !link.isSuspect { refresh.unreachable = link.principal }
        links[id]?.isSuspect = true
        refreshMap()
        if let map { moveAway(from: id, by: map) }
      }
    }
  }

  /// Takes requests from a drone that is silent, if the map gives them to another.
  mutating func moveAway(from id: LinkID, by map: SlotMap) {
    guard let link = links[id] else { return }
    for request in requests.keys.sorted() where requests[request]?.state == .sent(id) {
      guard let target = requests[request]?.target(in: map), target.principal != link.principal else {
        continue
      }
      doubt(request)
      route(request)
    }
  }

  /// Drops links that the new map makes useless.
  mutating func tidyLinks(_ map: SlotMap) {
    for id in links.keys.sorted() {
      guard let link = links[id] else { continue }
      let endpoint = map.endpoint(of: link.principal)
      if link.state == .opening, let endpoint, endpoint != link.endpoint {
        // It listens elsewhere now. The requests are routed again by the caller.
        outages[link.principal] = nil
      } else if link.state == .open, endpoint == nil, link.owed == 0, !isSeed(link.principal) {
        outages[link.principal] = nil
      } else {
        continue
      }
      forget(link)
      emit(.close(id))
      for request in link.queue where requests[request]?.state == .queued(id) {
        requests[request]?.state = .waiting(until: nil)
      }
    }
  }

  private func isSeed(_ principal: Principal) -> Bool {
    configuration.seeds.contains { $0.principal == principal }
  }

  private mutating func forget(_ link: Link) {
    links[link.id] = nil
    if current[link.principal] == link.id { current[link.principal] = nil }
  }

  private mutating func countFailure(of principal: Principal) {
    let failures = (outages[principal]?.failures ?? 0) + 1
    outages[principal] = Outage(failures: failures, until: now + jitter.pause(after: failures, timing))
  }
}
