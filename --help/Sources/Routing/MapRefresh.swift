import Cluster

/// The state of asking for the slot map: one drone after the other, one question at a time.
struct MapRefresh {
  struct Failure {
    let drone: Principal
    let problem: String
    /// Set when the drone would fail again.
    let error: KeyvalError?
  }

  /// The drones still to be asked in this round; nil when no round is under way.
  var candidates: ArraySlice<SlotMap.Drone>?
  var asked: LinkID?
  var askedAt = Instant(milliseconds: 0)
  var failures: [Failure] = []

  /// Rounds that failed since the last map came.
  var failedRounds = 0
  /// Maps one after the other that were no newer than what was there.
  var staleMaps = 0
  /// No round begins before.
  var earliest: Instant?
  /// Somebody wants a round to begin then.
  var isWanted = false
  /// A drone that could not be reached, or is silent: whoever is asked for a map next is told.
  var unreachable: Principal?
  /// Seconds since 1970 after which a new map is asked for, before the old one expires.
  var renewal: Int64 = 0

  var isUnderWay: Bool { candidates != nil }

  mutating func stop() {
    candidates = nil
    asked = nil
    failures = []
    isWanted = false
  }

  func nextMoment(_ timing: ClientTiming) -> Instant? {
    if isUnderWay { return askedAt + timing.mapAnswer }
    return isWanted ? earliest : nil
  }
}

extension ClientRouter {
  /// Begins to ask for a map, unless that is under way or was done just now.
  mutating func refreshMap() {
    guard !refresh.isUnderWay else { return }
    if let earliest = refresh.earliest, earliest > now {
      refresh.isWanted = true
      return wake(by: earliest)
    }
    refresh.isWanted = false
    refresh.failures = []
    refresh.candidates = candidates()[...]
    askNext()
  }

  /// Whom to ask, in order: drones we talk with, those of the map, the seeds; the silent ones last. Where to
  /// begin is drawn, so that not always the same one is asked.
  private mutating func candidates() -> [SlotMap.Drone] {
    let open = links.values.filter { $0.state == .open && current[$0.principal] == $0.id }
      .sorted { $0.id < $1.id }
    var trusted = open.filter { !$0.isSuspect }.map {
      SlotMap.Drone(principal: $0.principal, endpoint: $0.endpoint)
    }
    if trusted.count > 1 {
      let start = Int(jitter.next() % UInt64(trusted.count))
      trusted = Array(trusted[start...] + trusted[..<start])
    }
    let silent = open.filter(\.isSuspect).map {
      SlotMap.Drone(principal: $0.principal, endpoint: $0.endpoint)
    }
    let known = (map?.drones ?? []).map { withSeedAddress($0) }
    var result: [SlotMap.Drone] = []
    var seen = Set(silent.map(\.principal))
    for drone in trusted + known + configuration.seeds where seen.insert(drone.principal).inserted {
      result.append(drone)
    }
    // Whoever is asked may be cut off from the commander, and have an old map for as long: others take their turn.
    if refresh.staleMaps > 1, !result.isEmpty {
      let start = (refresh.staleMaps - 1) % result.count
      result = Array(result[start...] + result[..<start])
    }
    return result + silent
  }

  /// A drone that is not found where an old map says may be found where the configuration says.
  private func withSeedAddress(_ drone: SlotMap.Drone) -> SlotMap.Drone {
    guard let outage = outages[drone.principal], outage.failures % 2 == 1,
      let seed = configuration.seeds.first(where: { $0.principal == drone.principal })
    else { return drone }
    return seed
  }

  private mutating func askNext() {
    while let drone = refresh.candidates?.popFirst() {
      guard let link = link(to: drone) else {
        let failure = MapRefresh.Failure(drone: drone.principal, problem: "not reached just now", error: nil)
        refresh.failures.append(failure)
        continue
      }
      refresh.asked = link
      refresh.askedAt = now
      wake(by: now + timing.mapAnswer)
      if links[link]?.state == .open { askForMap(link) } else { links[link]?.asksForMap = true }
      return
    }
    roundFailed()
  }

  mutating func askForMap(_ link: LinkID) {
    if let drone = refresh.unreachable, drone != links[link]?.principal {
      refresh.unreachable = nil
      emit(.send(link, number: 0, .unreachable(drone)))
    }
    emit(.send(link, number: 0, .topology))
    owe(link)
  }

  /// The drone that was asked cannot give a map: the next one is asked.
  mutating func candidateFailed(_ link: LinkID, _ failure: MapRefresh.Failure) {
    guard refresh.isUnderWay, refresh.asked == link else { return }
    refresh.failures.append(failure)
    refresh.asked = nil
    askNext()
  }

  mutating func watchRefresh() {
    if refresh.isUnderWay, now - refresh.askedAt >= timing.mapAnswer, let link = refresh.asked {
      let drone = links[link]?.principal ?? configuration.seeds.first?.principal
      if let drone {
        candidateFailed(link, MapRefresh.Failure(drone: drone, problem: "it does not answer", error: nil))
      }
    }
    if refresh.isWanted, let earliest = refresh.earliest, earliest <= now, !requests.isEmpty { refreshMap() }
  }

  /// Nobody gave a map. Who waits for one waits on, unless everybody refused for good.
  private mutating func roundFailed() {
    let failures = refresh.failures
    refresh.stop()
    refresh.failedRounds += 1
    refresh.earliest = now + jitter.pause(after: refresh.failedRounds, timing)
    let waiting = requests.keys.sorted().filter { requests[$0]?.state == .waiting(until: nil) }
    if let error = failures.first?.error, failures.allSatisfy({ $0.error != nil }) {
      for request in waiting { fail(request, error) }
      return
    }
    let problem = failures.last { $0.problem != "not reached just now" }
    for request in waiting {
      requests[request]?.isUnreachable = true
      if let problem { requests[request]?.problem = "\(problem.drone): \(problem.problem)" }
    }
    guard !waiting.isEmpty, let earliest = refresh.earliest else { return }
    refresh.isWanted = true
    wake(by: earliest)
  }

  /// A drone's answer to the question for the map.
  mutating func answeredAboutMap(_ link: LinkID, _ answer: ClientAnswer) {
    guard let drone = links[link]?.principal else { return }
    guard case .topology(_, let signed) = answer else {
      let failure = MapRefresh.Failure(drone: drone, problem: "it has no slot map yet", error: nil)
      return candidateFailed(link, failure)
    }
    do throws(BeliefError) {
      let map = try signed.verified(
        by: configuration.verifier, cluster: configuration.cluster, minimumTerm: self.map?.term ?? .none,
        now: seconds)
      believed(map)
    } catch {
      let refusal = KeyvalError.mapRefused(from: drone.text, reason: error.description)
      let failure = MapRefresh.Failure(
        drone: drone, problem: error.description, error: error.isLasting ? refusal : nil)
      candidateFailed(link, failure)
    }
  }

  private mutating func believed(_ map: SlotMap) {
    refresh.stop()
    refresh.failedRounds = 0
    refresh.earliest = now + timing.shortestPause
    refresh.renewal = max(seconds + 1, seconds + (map.expiry - seconds) / 2)
    let old = self.map
    refresh.staleMaps += 1
    if map.isNewer(than: old) {
      refresh.staleMaps = 0
      self.map = map
      tidyLinks(map)
    }
    guard let newest = self.map else { return }
    for id in requests.keys.sorted() { reconsider(id, old: old, new: newest) }
  }

  /// Routes a request again if the new map changes anything for it.
  private mutating func reconsider(_ id: UInt64, old: SlotMap?, new: SlotMap) {
    guard let request = requests[id] else { return }
    let target = request.target(in: new)
    switch request.state {
    case .waiting(until: nil): route(id)
    case .waiting:
      if target != old.flatMap({ request.target(in: $0) }) { route(id) }
    case .queued(let link):
      if let target, target.principal != links[link]?.principal { route(id) }
    case .sent(let link):
      // A drone that answers will say itself how it stands; one that is silent is not waited for.
      guard links[link]?.isSuspect == true, let target, target.principal != links[link]?.principal else {
        return
      }
      doubt(id)
      route(id)
    }
  }
}

extension BeliefError {
  /// Whether asking again cannot help: the fault is not one of timing.
  fileprivate var isLasting: Bool {
    switch self {
    case .oldTerm, .expired: false
    default: true
    }
  }
}
