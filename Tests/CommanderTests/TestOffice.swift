import Cluster
import Cryptography

@testable import Commander

/// A commander's core with a clock beside it, fed by hand. Drone 1 holds the office.
struct TestOffice {
  typealias N = HarnessNames

  let timing = Timing()
  let key = try! P256PrivateKey.generate()
  let certificate: [UInt8]
  var core: CommanderCore
  var now = Instant(milliseconds: 5_000_000)
  var wall = N.wallStart
  var nonces: [Int: UInt64] = [:]
  /// Of the newest heartbeat, and of the newest map that was asked to be signed.
  var sequence: UInt64 = 0
  var signing: SlotMap?
  /// Whether drones report the copies that they have.
  var reportsCopies = true
  /// Drones that say that they have no room.
  var full: Set<Int> = []

  init(drones: Int = 3, term: UInt64 = 1, shadows: Int = 0, previous: SlotMap? = nil) {
    let nodes = (0..<drones).map { N.node(N.drone($0)) }
    certificate = N.certificate(term: Term(term), winner: N.drone(0), key: key.publicKey, wall: N.wallStart)
    core = CommanderCore(
      identity: CommanderCore.Identity(
        principal: N.drone(0), term: Term(term), cluster: N.cluster, authority: N.node(N.authority)),
      timing: timing, shadows: shadows, certificate: certificate, notBefore: N.wallStart - 60,
      notAfter: N.wallStart + 3600, membership: 1, drones: nodes, databases: [N.node(N.database)],
      previous: previous, now: now)
    handOver(1)
  }

  /// The authority hands this access list over, and it is signed.
  @discardableResult
  mutating func handOver(_ version: UInt64) -> [CommanderAction] {
    feed(.accessListChanged(N.accessList(version)))
    return core.refreshAccessList(wall: wall).signedAccessList.map { sign($0) } ?? []
  }

  /// The list that was asked for is signed.
  @discardableResult
  mutating func sign(_ list: PublishedAccessList) -> [CommanderAction] {
    let signed = try! SignedAccessList(list, key: key, certificate: certificate)
    return feed(.accessListSigned(signed, version: list.version))
  }

  @discardableResult
  mutating func feed(_ event: CommanderEvent) -> [CommanderAction] {
    let actions = core.handle(event, now: now)
    for action in actions {
      switch action {
      case .send(.heartbeat(let heartbeat), _): sequence = heartbeat.sequence
      case .sign(let map): signing = map
      default: break
      }
    }
    return actions
  }

  @discardableResult
  mutating func tick() -> [CommanderAction] { feed(.ticked(wall: wall)) }

  @discardableResult
  mutating func receive(_ message: ControlMessage, from peer: Principal) -> [CommanderAction] {
    feed(.received(message, from: peer))
  }

  static func incarnation(_ drone: Int, life: Int = 1) -> Incarnation {
    Incarnation(UInt64(drone * 100 + life))
  }

  /// A drone's answer to the newest heartbeat.
  @discardableResult
  mutating func report(
    _ drone: Int, holding: [Holding] = [], life: Int = 1, lively: PartitionSet = .all, reaches: Bool = true,
    sequence: UInt64? = nil, nonce: UInt64? = nil, map: UInt64? = nil, access: (UInt64, UInt64)? = nil,
    copies: [Holding]? = nil, journaled: PartitionSet = [], isEnding: Bool = false,
    losses: [JournalLoss] = []
  ) -> [CommanderAction] {
    let next = nonce ?? (nonces[drone, default: 0] + 1)
    nonces[drone] = max(nonces[drone, default: 0], next)
    return receive(
      .report(
        Report(
          term: core.identity.term, sequence: sequence ?? self.sequence, nonce: next,
          incarnation: Self.incarnation(drone, life: life), endpoint: N.node(N.drone(drone)).endpoint,
          holdings: holding, lively: lively, mapTerm: core.identity.term,
          mapVersion: map ?? core.map.published?.version ?? 0,
          accessTerm: access.map { Term($0.0) } ?? core.identity.term,
          accessVersion: access?.1 ?? core.access.published?.version ?? 0, reachesDatabase: reaches,
          copies: copies ?? self.copies(of: drone), journaled: journaled, shadowed: .all,
          isEnding: isEnding,
          memory: MemoryUse(used: 1, ceiling: 1, isFull: full.contains(drone)), losses: losses)),
      from: N.drone(drone))
  }

  mutating func storeKey(fences: [StoredFence] = []) {
    receive(.keyStored(KeyStored(term: core.identity.term, identifier: 1)), from: N.command)
    if !core.knowsFences || !fences.isEmpty { learn(fences) }
  }

  /// The database tells that this drone is on the lists of these partitions.
  mutating func list(_ drone: Int, _ partitions: PartitionSet) {
    let holder = Holder(principal: N.drone(drone), incarnation: Self.incarnation(drone))
    learn(
      partitions.map { partition in
        let record = core.partitions[partition.index]
        let owner = record.owner.map { Holder(principal: $0, incarnation: Incarnation(1)) } ?? holder
        return StoredFence(partition: partition, token: record.token, holder: owner, listed: [holder])
      })
  }

  /// The database tells what it has stored.
  @discardableResult
  mutating func learn(_ fences: [StoredFence]) -> [CommanderAction] {
    receive(.fences(Fences(term: core.identity.term, stored: fences)), from: N.command)
  }

  @discardableResult
  mutating func request(_ partitions: PartitionSet, by drone: Int, life: Int = 1) -> [CommanderAction] {
    receive(
      .grantRequest(
        GrantRequest(
          term: core.identity.term, incarnation: Self.incarnation(drone, life: life), partitions: partitions)),
      from: N.drone(drone))
  }

  /// Shadows are in sync at once: a drone has a copy of what is on its way to it.
  private func copies(of drone: Int) -> [Holding] {
    guard reportsCopies else { return [] }
    var sets: [FencingToken: PartitionSet] = [:]
    for partition in Partition.all {
      let record = core.partitions[partition.index]
      if record.target == N.drone(drone), record.owner != N.drone(drone) || record.isPromoting {
        sets[record.servingToken, default: []].insert(partition)
      }
    }
    return sets.keys.sorted().map { Holding(token: $0, partitions: sets[$0]!) }
  }

  /// What a drone would report: all that the book says it serves, and more.
  func holdings(of drone: Int, and more: [Holding] = []) -> [Holding] {
    var sets: [FencingToken: PartitionSet] = [:]
    for partition in Partition.all {
      let record = core.partitions[partition.index]
      switch record.state {
      case .serving(let holder), .moving(let holder, _):
        if holder.principal == N.drone(drone) { sets[record.token, default: []].insert(partition) }
      default: break
      }
    }
    return sets.keys.sorted().map { Holding(token: $0, partitions: sets[$0]!) } + more
  }

  /// Time passes in heartbeats which these drones answer with all that they serve.
  @discardableResult
  mutating func pass(_ milliseconds: Int64, answering drones: [Int], unreached: [Int] = [])
    -> [CommanderAction]
  {
    var actions: [CommanderAction] = []
    let end = now + milliseconds
    while now < end {
      now = min(end, now + timing.heartbeat)
      actions += tick()
      storeKey()
      for drone in drones {
        actions += report(drone, holding: holdings(of: drone), reaches: !unreached.contains(drone))
      }
      actions += publish()
    }
    return actions
  }

  /// The map that was asked for is signed.
  @discardableResult
  mutating func publish() -> [CommanderAction] {
    guard let map = signing else { return [] }
    signing = nil
    let signed = try! SignedSlotMap(map, key: key, certificate: certificate)
    return feed(.signed(signed, version: map.version))
  }

  /// The drones ask for what is assigned to them, and load it.
  mutating func load(_ drones: [Int]) {
    for drone in drones {
      let assigned = assigned(to: drone)
      guard !assigned.isEmpty, let grant = request(assigned, by: drone).grant else { continue }
      let loaded = Holding(token: grant.token, partitions: grant.partitions)
      report(drone, holding: holdings(of: drone, and: [loaded]))
      // One grant is for one mode; what is left is asked for again.
      if !self.assigned(to: drone).isEmpty { load([drone]) }
    }
  }

  /// What it is to have, or to load: it may have been granted it by now.
  func assigned(to drone: Int) -> PartitionSet {
    PartitionSet(Partition.all.filter { core.partitions[$0.index].isAssigned(to: N.drone(drone)) })
  }

  func served(by drone: Int) -> PartitionSet {
    PartitionSet(
      Partition.all.filter {
        if case .serving(let holder) = core.partitions[$0.index].state {
          return holder.principal == N.drone(drone)
        }
        return false
      })
  }

  /// An office whose drones serve everything.
  static func settled(drones: Int = 3, term: UInt64 = 1, shadows: Int = 0) -> TestOffice {
    var office = TestOffice(drones: drones, term: term, shadows: shadows)
    let all = Array(0..<drones)
    for _ in 0..<(term == 1 ? 8 : 24) {
      office.pass(250, answering: all)
      office.load(all)
    }
    return office
  }
}

extension PartitionRecord {
  func isAssigned(to drone: Principal) -> Bool { isGiven && owner == drone }

  /// To somebody, who does not serve it yet.
  var isGiven: Bool {
    switch state {
    case .assigned, .granted: true
    default: false
    }
  }

  /// On its way to be made the truth from a copy.
  var isPromoting: Bool {
    switch state {
    case .assigned(_, .promote), .granted(_, .promote): true
    default: false
    }
  }
}

extension [CommanderAction] {
  var grant: Grant? { grants.first }

  var grants: [Grant] { compactMap { if case .mint(let grant, _, _) = $0 { grant } else { nil } } }

  var releases: [(Principal, PartitionSet)] {
    compactMap {
      if case .send(.release(let release), let peer) = $0 { (peer, release.partitions) } else { nil }
    }
  }

  var renewals: [(Principal, Renewal)] {
    compactMap { if case .send(.renewal(let renewal), let peer) = $0 { (peer, renewal) } else { nil } }
  }

  var renewal: Renewal? {
    for case .send(.renewal(let renewal), _) in self { return renewal }
    return nil
  }

  func renewals(to peer: Principal) -> [Renewal] {
    compactMap { if case .send(.renewal(let renewal), peer) = $0 { renewal } else { nil } }
  }

  var resignation: String? {
    for case .resign(_, let reason) in self { return reason }
    return nil
  }

  var signed: SlotMap? {
    for case .sign(let map) in self { return map }
    return nil
  }

  var signedAccessList: PublishedAccessList? {
    for case .signAccessList(let list) in self { return list }
    return nil
  }

  var publishedAccessLists: [Principal] {
    compactMap { if case .send(.accessListPublished, let peer) = $0 { peer } else { nil } }
  }

  var published: [Principal] {
    compactMap { if case .send(.mapPublished, let peer) = $0 { peer } else { nil } }
  }
}
