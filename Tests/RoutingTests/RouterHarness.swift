import Cluster
import Cryptography

@testable import Routing

/// A router with three drones, a certified commander and a clock that the test turns.
struct RouterHarness {
  static let realm = "KEYVAL.TEST"
  static let start: Int64 = 1_800_000_000
  static let drones: [SlotMap.Drone] = (1...3).map { drone($0) }
  static let authority = try! CertificateAuthority.create(
    name: "Election CA", realm: realm, notBefore: start - 86_400, notAfter: start + 864_000)
  static let electionKey = try! P256PrivateKey.generate()
  static let client = ClientIncarnation(high: 1, low: 2)

  static func drone(_ number: Int, port: Int? = nil) -> SlotMap.Drone {
    SlotMap.Drone(
      principal: try! Principal(role: .drone, node: "d\(number)", realm: realm),
      endpoint: Endpoint(host: "127.0.0.1", port: UInt16(port ?? 7000 + number)))
  }

  /// A map in which `owner` tells for each partition who has it, 1 to 3 or nobody; drone 1 is the commander.
  static func map(
    term: UInt64 = 1, version: UInt64 = 1, commander: Int = 1, life: Int64 = 600, now: Int64 = start,
    cluster: String = "test", drones: [SlotMap.Drone] = drones,
    owner: (Partition) -> Int? = { $0.index % 3 + 1 }
  ) -> SignedSlotMap {
    let map = SlotMap(
      cluster: cluster, term: Term(term), version: version, expiry: now + life,
      commander: drone(commander).principal, drones: drones,
      owners: Partition.all.map { owner($0).map { $0 - 1 } })!
    let certificate = try! authority.issueElectionCertificate(
      publicKey: electionKey.publicKey, term: term, winner: drone(commander).principal.text, realm: realm,
      notBefore: now - 60, notAfter: now + 3_600)
    return try! SignedSlotMap(map, key: electionKey, certificate: certificate)
  }

  /// A key that the default map gives to the drone of that number.
  static func key(of drone: Int) -> [UInt8] {
    var number = 0
    while true {
      let key = [UInt8]("key\(number)".utf8)
      if Slot(key: key).partition.index % 3 + 1 == drone { return key }
      number += 1
    }
  }

  var router: ClientRouter
  var now: Int64 = 1_000
  var seconds = start
  private(set) var wakeAt: Instant?
  private var lastID: UInt64 = 0

  init(seeds: [SlotMap.Drone] = [drones[0]], seed: UInt64 = 1) {
    let verifier = ElectionVerifier(anchors: [Self.authority.anchor], realm: Self.realm)
    router = ClientRouter(
      configuration: .init(cluster: "test", seeds: seeds, verifier: verifier, client: Self.client), seed: seed
    )
  }

  /// The actions that follow an event, without the wake-ups.
  mutating func feed(_ event: ClientEvent) -> [ClientAction] {
    router.handle(event, now: Instant(milliseconds: now), seconds: seconds).filter { action in
      if case .wake(let instant) = action {
        wakeAt = instant
        return false
      }
      return true
    }
  }

  /// A caller's request, with the default deadline.
  mutating func request(_ operation: ClientOperation, deadline: Int64 = 10_000) -> (UInt64, [ClientAction]) {
    lastID += 1
    let event = ClientEvent.requested(id: lastID, operation, deadline: Instant(milliseconds: now + deadline))
    return (lastID, feed(event))
  }

  /// Lets time pass up to `milliseconds`, with every wake-up that was asked for on the way.
  mutating func pass(_ milliseconds: Int64) -> [ClientAction] {
    let end = now + milliseconds
    var actions: [ClientAction] = []
    while let moment = wakeAt, moment.milliseconds <= end {
      now = max(now, moment.milliseconds)
      wakeAt = nil
      actions += feed(.ticked)
    }
    seconds += (end - now) / 1000
    now = end
    return actions
  }

  static let user = "bob@KEYVAL.TEST"

  /// A router that has the default map and an open link with each drone; the links are 1, 2 and 3 in some order.
  static func ready(map: SignedSlotMap = map()) -> (RouterHarness, [Int: LinkID]) {
    var harness = RouterHarness()
    var links: [Int: LinkID] = [:]
    func open(_ actions: [ClientAction]) -> LinkID? {
      for case .open(let link, _, _) in actions { return link }
      return nil
    }
    for number in 1...3 {
      let (id, actions) = harness.request(.get(key: key(of: number)))
      if number == 1 {
        links[1] = open(actions)!
        _ = harness.feed(.linkOpened(links[1]!, expiry: start + 36_000, client: user))
        _ = harness.feed(.answered(links[1]!, .topology(number: 0, map)))
      } else {
        links[number] = open(actions)!
        _ = harness.feed(.linkOpened(links[number]!, expiry: start + 36_000))
      }
      _ = harness.feed(.answered(links[number]!, .notFound(number: id)))
    }
    return (harness, links)
  }
}

extension [ClientAction] {
  /// The links that were asked to be opened, with the drone's short name.
  var opened: [String] {
    compactMap { if case .open(_, let principal, _) = $0 { principal.shortName } else { nil } }
  }

  var firstOpened: LinkID? {
    for case .open(let link, _, _) in self { return link }
    return nil
  }

  var sent: [ClientMessage] {
    compactMap { if case .send(_, _, let message) = $0 { message } else { nil } }
  }

  var failures: [KeyvalError] {
    compactMap { if case .fail(_, let error) = $0 { error } else { nil } }
  }
}

extension ClientMessage {
  static func get(key: [UInt8]) -> ClientMessage { .read(.get, key: key) }

  static func put(
    write: UInt64, retry: Bool, level: AcknowledgementLevel? = nil, key: [UInt8], value: [UInt8]
  ) -> ClientMessage {
    .write(.put, write: write, retry: retry, level: level, key: key, value: value)
  }

  static func delete(
    write: UInt64, retry: Bool, level: AcknowledgementLevel? = nil, key: [UInt8]
  ) -> ClientMessage {
    .write(.delete, write: write, retry: retry, level: level, key: key)
  }
}
