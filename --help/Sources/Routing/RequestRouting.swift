import Cluster
import Wire

extension ClientRouter {
  /// Sends a request to whom the map gives it, or has it wait for what is missing.
  mutating func route(_ id: UInt64) {
    guard let request = requests[id] else { return }
    if case .sessions(_, let name) = request.operation, let drone = drone(of: name) {
      return pass(id, to: drone)
    }
    guard let map, map.expiry > seconds else {
      requests[id]?.state = .waiting(until: nil)
      return refreshMap()
    }
    if seconds >= refresh.renewal { refreshMap() }
    if case .locate = request.operation, let slot = request.slot {
      let owner = map.owner(of: slot.partition)
      let place = owner.map { Location.Owner(principal: $0.principal, endpoint: $0.endpoint) }
      return complete(id, .location(Location(slot: slot, owner: place)))
    }
    switch request.operation {
    case .drones: return complete(id, .drones(map.drones.map(\.principal.shortName)))
    case .sessions(_, let name): return fail(id, .noSuchDrone(name))
    default: break
    }
    guard let drone = request.target(in: map) else {
      pause(id, request.slot.map { "nobody serves slot \($0) at the moment" } ?? "there is no commander")
      return refreshMap()
    }
    pass(id, to: drone)
  }

  /// A drone that is asked by its name, as the map has it or the configuration: the last map will do, since there may
  /// be no commander to make another.
  private func drone(of name: String) -> SlotMap.Drone? {
    ((map?.drones ?? []) + configuration.seeds).first { $0.principal.shortName == name }
  }

  /// Sends a request to a drone, once there is a link to it.
  private mutating func pass(_ id: UInt64, to drone: SlotMap.Drone) {
    guard let link = link(to: drone) else {
      requests[id]?.state = .waiting(until: outages[drone.principal]?.until ?? now)
      return
    }
    if links[link]?.state == .open {
      send(id, on: link)
    } else {
      requests[id]?.state = .queued(link)
      links[link]?.queue.append(id)
    }
  }

  mutating func send(_ id: UInt64, on link: LinkID) {
    guard let request = requests[id] else { return }
    if request.isWrite, links[link]?.isIntroduced == false {
      links[link]?.isIntroduced = true
      emit(.send(link, number: 0, .introduce(configuration.client)))
    }
    emit(.send(link, number: id, request.message))
    requests[id]?.state = .sent(link)
    requests[id]?.isUnreachable = false
    owe(link)
  }

  /// The drone owes one more answer.
  mutating func owe(_ link: LinkID) {
    if links[link]?.owed == 0 { wake(by: now + timing.suspicion) }
    links[link]?.owes(now)
  }

  /// The attempt that is given up may have been executed, or may yet be.
  mutating func doubt(_ id: UInt64) {
    guard let request = requests[id], request.isWrite else { return }
    requests[id]?.mayHaveExecuted = true
  }

  /// Has the request wait a little, longer each time.
  mutating func pause(_ id: UInt64, _ problem: String) {
    guard let failures = requests[id]?.failures else { return }
    let until = now + jitter.pause(after: failures + 1, timing)
    requests[id]?.failures = failures + 1
    requests[id]?.problem = problem
    requests[id]?.state = .waiting(until: until)
    wake(by: until)
  }

  mutating func answered(_ link: LinkID, _ answer: ClientAnswer) {
    guard let drone = links[link]?.principal else { return }
    links[link]?.answered(now)
    defer { closeIfDrained(link) }
    if answer.number == 0 { return answeredAboutMap(link, answer) }
    guard let request = requests[answer.number], request.state == .sent(link) else { return }
    switch answer {
    case .moved(_, let term, let version): moved(request, from: drone, term: term, version: version)
    case .unavailable(_, let reason):
      // What was on its way to the database when the drone gave the slot away may have arrived there.
      if reason == .released { doubt(request.id) }
      pause(request.id, "\(drone.shortName) \(reason.sentence)")
      if reason.isDoubtful { refreshMap() }
    case .failed(_, let failure): refused(request, by: drone, failure, link)
    case .outcomeUnknown: fail(request.id, .outcomeUnknown)
    case .limited(_, let wait): limited(request, by: drone, wait, link)
    default:
      guard let reply = request.operation.reply(answer) else {
        emit(.close(link))
        return lost(link, "\(drone) gave an answer to another question")
      }
      complete(request.id, reply)
    }
  }

  /// Its turn comes later; when that is too late, the caller need not wait for it.
  private mutating func limited(
    _ request: PendingRequest, by drone: Principal, _ wait: UInt64, _ link: LinkID
  ) {
    let until = now + Int64(clamping: max(1, min(wait, 3_600_000)))
    guard until < request.deadline else {
      let client = links[link]?.client ?? "this principal"
      return fail(request.id, .tooManyRequests(principal: client, drone: drone.shortName))
    }
    requests[request.id]?.problem = "\(drone.shortName) is asked more often than the access list permits"
    requests[request.id]?.state = .waiting(until: until)
    wake(by: until)
  }

  /// The drone does not own the partition, and knows of the map (term, version).
  private mutating func moved(_ request: PendingRequest, from drone: Principal, term: Term, version: UInt64) {
    requests[request.id]?.problem = "\(drone.shortName) does not own the slot"
    if let map, (map.term, map.version) >= (term, version), let owner = request.target(in: map),
      owner.principal != drone, request.failures == 0
    {
      // The map was refreshed while the request was on its way.
      requests[request.id]?.failures += 1
      return route(request.id)
    }
    pause(request.id, "\(drone.shortName) does not own the slot")
    refreshMap()
  }

  private mutating func refused(
    _ request: PendingRequest, by drone: Principal, _ failure: DataAnswer.Failure, _ link: LinkID
  ) {
    switch failure {
    case .keyTooLong:
      fail(request.id, .keyTooLong(length: request.operation.key.count, limit: Limits.maximumKeyLength))
    case .valueTooLong:
      fail(request.id, .valueTooLong(length: request.operation.value.count, limit: Limits.maximumValueLength))
    case .keyEmpty: fail(request.id, .keyEmpty)
    case .notIntroduced:
      links[link]?.isIntroduced = false
      pause(request.id, "\(drone.shortName) has forgotten this client")
    case .notCommander:
      pause(request.id, "\(drone.shortName) is no longer the commander")
      refreshMap()
    case .numberReused:
      fail(
        request.id,
        .refused(
          by: drone.shortName,
          reason:
            "the number of this write was another's; a client that does not count its writes up, or a copy of "
            + "one, has to begin anew"))
    case .memoryFull: fail(request.id, .memoryFull(drone: drone.shortName))
    case .quotaReached:
      let client = links[link]?.client ?? "this principal"
      fail(request.id, .quotaReached(principal: client, drone: drone.shortName))
    case .notPermitted:
      let client = links[link]?.client ?? "this principal"
      fail(request.id, .notPermitted(principal: client, operation: request.operation.action))
    }
  }
}

extension ClientOperation {
  var key: [UInt8] {
    switch self {
    case .read(_, let key), .write(_, let key, _, _, _), .locate(let key): key
    case .status, .administer, .sessions, .drones: []
    }
  }

  /// What it does, for the sentence of a refusal.
  fileprivate var action: String {
    switch self {
    case .read(let kind, _): "\(kind.operation.rightsInWords) this key"
    case .write(let kind, _, _, _, _): "\(kind.operation.rightsInWords) this key"
    case .locate: "locate this key"
    case .status: "ask for the status of the cluster"
    case .administer, .sessions: "administer the cluster"
    case .drones: "know its drones"
    }
  }

  var value: [UInt8] {
    guard case .write(_, _, _, let value?, _) = self else { return [] }
    return value
  }

  /// The caller's reply, if that is an answer to this operation at all.
  func reply(_ answer: ClientAnswer) -> ClientReply? {
    switch (self, answer) {
    case (.read(.get, _), .value(_, let value)): .value(value)
    case (.read(.get, _), .notFound): .value(nil)
    case (.read(.getVersion, _), .versioned(_, let value)): .versioned(value)
    case (.read(.getVersion, _), .notFound): .versioned(nil)
    case (.write(let kind, _, _, _, _), .done(_, let outcome)) where outcome.isOutcome(of: kind):
      .outcome(outcome)
    // A delete of a key that is not there may be answered either way.
    case (.write(.delete, _, _, _, _), .notFound): .outcome(.written(existed: false))
    case (.status, .status(_, let status)): .status(status)
    case (.administer, .administered(_, let reply)): .administered(reply)
    case (.sessions(.list, _), .sessions(_, let page)): .sessions(page)
    case (.sessions(.end, _), .administered(_, let reply)): .administered(reply)
    case (.sessions(.endAll, _), .administered(_, let reply)): .administered(reply)
    default: nil
    }
  }
}

extension DataAnswer.Unavailability {
  fileprivate var sentence: String {
    switch self {
    case .loading: "is loading the slot"
    case .leaseOver: "waits for its lease to be renewed"
    case .busy: "has too much waiting for the database, or for this client"
    case .noCommander: "knows of no commander"
    case .released: "has given the slot away"
    }
  }

  /// Whether the owner may be another by now.
  fileprivate var isDoubtful: Bool {
    switch self {
    case .leaseOver, .noCommander, .released: true
    case .loading, .busy: false
    }
  }
}
