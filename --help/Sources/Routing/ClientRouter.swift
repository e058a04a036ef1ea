import Cluster

/// Decides what a client does: where each request goes, when it goes again, when it is given up, and whose slot
/// map is believed. A state machine without I/O: the shell performs its actions in order.
///
/// What it keeps: a request is answered once; a write has one number in all its attempts, and every attempt
/// after one that may have been executed says so; only drones of a verified map or of the seeds are dialled;
/// the map never goes back.
package struct ClientRouter: Sendable {
  package struct Configuration: Sendable {
    package var cluster: String
    /// Drones to ask for the first map.
    package var seeds: [SlotMap.Drone]
    package var verifier: ElectionVerifier
    /// 128 random bits: the name of this client's writes.
    package var client: ClientIncarnation
    package var timing = ClientTiming()

    package init(
      cluster: String, seeds: [SlotMap.Drone], verifier: ElectionVerifier, client: ClientIncarnation,
      timing: ClientTiming = ClientTiming()
    ) {
      self.cluster = cluster
      self.seeds = seeds
      self.verifier = verifier
      self.client = client
      self.timing = timing
    }
  }

  let configuration: Configuration
  var timing: ClientTiming { configuration.timing }
  var jitter: Jitter

  // The moment of the event that is being handled.
  var now = Instant(milliseconds: 0)
  var seconds: Int64 = 0

  var requests: [UInt64: PendingRequest] = [:]
  var lastWrite: UInt64 = 0
  var links: [LinkID: Link] = [:]
  /// The link that requests for a drone go to.
  var current: [Principal: LinkID] = [:]
  var outages: [Principal: Outage] = [:]
  var lastLink: UInt64 = 0
  /// The newest map that was believed.
  package internal(set) var map: SlotMap?
  var refresh = MapRefresh()
  private var wakeAt: Instant?
  private var isClosed = false
  private var actions: [ClientAction] = []

  /// - Parameter seed: for the jitter of pauses.
  package init(configuration: Configuration, seed: UInt64) {
    self.configuration = configuration
    jitter = Jitter(seed: seed)
  }

  /// - Parameters:
  ///   - now: of the clock that counts intervals.
  ///   - seconds: since 1970, for the validity of certificates and maps.
  package mutating func handle(_ event: ClientEvent, now: Instant, seconds: Int64) -> [ClientAction] {
    receive(event, now: now, seconds: seconds)
    return takeActions()
  }

  /// As `handle`, for many events at once: the actions are taken afterwards.
  package mutating func receive(_ event: ClientEvent, now: Instant, seconds: Int64) {
    self.now = now
    self.seconds = seconds
    switch event {
    case .requested(let id, let operation, let deadline): accept(id, operation, deadline)
    case .cancelled(let id): requests[id] = nil
    case .linkOpened(let link, let expiry, let client): opened(link, expiry: expiry, client: client)
    case .linkFailed(let link, let failure): failed(link, failure)
    case .linkClosed(let link, let reason): lost(link, reason)
    case .linkExpiring(let link): replace(link)
    case .answered(let link, let answer): answered(link, answer)
    case .ticked: tick()
    case .closed: close()
    }
  }

  package mutating func takeActions() -> [ClientAction] {
    let taken = actions
    actions = []
    return taken
  }

  mutating func emit(_ action: ClientAction) { actions.append(action) }

  mutating func complete(_ id: UInt64, _ reply: ClientReply) {
    requests[id] = nil
    emit(.complete(id: id, reply))
  }

  mutating func fail(_ id: UInt64, _ error: KeyvalError) {
    let request = requests.removeValue(forKey: id)
    // Why it cannot be asked again matters less than that an earlier attempt may have been executed.
    let isDoubtful = request?.mayHaveExecuted == true && !error.tellsOutcome
    emit(.fail(id: id, isDoubtful ? .outcomeUnknown : error))
  }

  /// Has `ticked` delivered at that moment or before.
  mutating func wake(by instant: Instant) {
    let instant = max(instant, now + timing.tick)
    if let wakeAt, wakeAt <= instant { return }
    wakeAt = instant
    emit(.wake(instant))
  }

  private mutating func accept(_ id: UInt64, _ operation: ClientOperation, _ deadline: Instant) {
    guard !isClosed else { return emit(.fail(id: id, .closed)) }
    var write: UInt64 = 0
    let slot: Slot?
    switch operation {
    case .read(_, let key), .locate(let key): slot = Slot(key: key)
    case .write(_, let key, _, _, _):
      slot = Slot(key: key)
      lastWrite += 1
      write = lastWrite
    case .status, .administer, .sessions, .drones: slot = nil
    }
    requests[id] = PendingRequest(id: id, operation: operation, slot: slot, write: write, deadline: deadline)
    wake(by: deadline)
    route(id)
  }

  private mutating func close() {
    isClosed = true
    for id in requests.keys.sorted() { fail(id, .closed) }
    for id in links.keys.sorted() { emit(.close(id)) }
    links = [:]
    current = [:]
    refresh = MapRefresh()
  }

  private mutating func tick() {
    wakeAt = nil
    for id in requests.keys.sorted() where requests[id].map({ $0.deadline <= now }) ?? false { expire(id) }
    watchRefresh()
    watchLinks()
    for id in requests.keys.sorted() {
      guard case .waiting(.some(let until)) = requests[id]?.state, until <= now else { continue }
      route(id)
    }
    if let next = nextMoment() { wake(by: next) }
  }

  /// The earliest moment at which something is to be looked at again.
  private func nextMoment() -> Instant? {
    var moments: [Instant] = []
    for request in requests.values {
      moments.append(request.deadline)
      if case .waiting(.some(let until)) = request.state { moments.append(until) }
    }
    for link in links.values {
      guard let silentSince = link.silentSince else { continue }
      let isDue = now - silentSince >= timing.suspicion
      moments.append(isDue ? now + timing.suspicion : silentSince + timing.suspicion)
    }
    if let moment = refresh.nextMoment(timing) { moments.append(moment) }
    return moments.min()
  }

  /// The deadline of a request is over.
  private mutating func expire(_ id: UInt64) {
    guard let request = requests[id] else { return }
    var isUnderWay = false
    if case .sent = request.state { isUnderWay = true }
    let outcomeUnknown = request.isWrite && (request.mayHaveExecuted || isUnderWay)
    if request.isUnreachable || map == nil && request.needsMap, !outcomeUnknown, !isUnderWay {
      let drones = configuration.seeds + (map?.drones ?? [])
      let tried = Set(drones.map { "\($0.principal) at \($0.endpoint)" }).sorted()
      return fail(id, .noReachableNode(tried: tried, problem: request.problem ?? "no answer in time"))
    }
    fail(id, .deadlineExceeded(outcomeUnknown: outcomeUnknown, problem: request.problem))
  }
}

extension KeyvalError {
  /// Whether it says itself if a write may have been executed.
  fileprivate var tellsOutcome: Bool {
    switch self {
    case .deadlineExceeded, .outcomeUnknown, .closed: true
    default: false
    }
  }
}
