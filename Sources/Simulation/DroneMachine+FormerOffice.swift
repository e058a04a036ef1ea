import Cluster
import Cryptography
import Office

extension World {
  /// Every former commander says something now and then, for ever.
  func lieFromFormerOffices() {
    for drone in drones { drone.lieFromFormerOffice() }
    after(100_000) { [unowned self] in lieFromFormerOffices() }
  }

  /// Of the commander that is certified; nil: none is.
  var presentOffice: (term: Term, winner: Principal, certificate: [UInt8])? {
    let office = authoritySite.register.office
    guard let certificate = office.certificate, let winner = office.winner else { return nil }
    return (office.term, winner.principal, certificate.der)
  }
}

/// A drone whose thief has kept the office that it held, when another has been certified in a higher term: he commands as
/// before, and as if he held the new office too. What the drone has, it has, and serves as it should: so nothing at all
/// may be lost.
///
/// Only who has promised or heard of a higher term is lied to. Who has not is still under that commander's orders.
extension DroneMachine {
  func stealOffice() {
    guard world.stealsOffices, let office,
      let sealingKey = seat?.office?.sealingKey(for: Names.database, { random.bytes($0) })
    else { return }
    formerOffice = FormerOffice(office.term, office.key, office.certificate, sealingKey)
  }

  /// The terms under which he speaks; nil while he may still hold the office, and while he is who has been certified since,
  /// whether he has taken that office or not: whoever knows of no other yet is under his orders.
  private var terms: (former: Term, present: Term, certificate: [UInt8])? {
    guard isUp, let former = formerOffice?.term, office == nil, let present = world.presentOffice,
      present.term > former, present.winner != principal
    else { return nil }
    return (former, present.term, present.certificate)
  }

  private func knowsBetter(_ drone: DroneMachine, than term: Term) -> Bool {
    drone !== self && drone.core?.highestTerm ?? .none > term
  }

  func lieFromFormerOffice() {
    guard let (former, present, _) = terms, random.chance(400_000) else { return }
    if formerOffice?.hasBegun == false {
      formerOffice?.hasBegun = true
      world.beginsToLie(self)
    }
    control.post { [unowned self] in
      let term = random.chance(700_000) ? former : present
      switch random.index(8) {
      case 0: lieToAuthority(term)
      case 1: lieOnCommandSession(term)
      case 2: lieOnDataSession(term)
      default: for drone in world.drones where knowsBetter(drone, than: former) { lie(to: drone, as: term) }
      }
    }
  }

  /// A drone that reports to him is told that its leases run on.
  func answerFromFormerOffice(_ message: ControlMessage, from peer: Principal) {
    guard case .report(let report) = message, world.formerOfficesLie, let (former, _, _) = terms,
      report.term == former, let drone = world.drones.first(where: { $0.principal == peer }),
      knowsBetter(drone, than: former)
    else { return }
    let renewal = Renewal(
      term: former, nonce: report.nonce, partitions: .all, milliseconds: UInt64(world.timing.lease))
    deliver(.renewal(renewal), to: peer)
  }

  /// What a client is given that asks for the map; nil: what the drone would say.
  func falseMap() -> SignedSlotMap? {
    guard world.formerOfficesLie, terms != nil, random.chance(500_000) else { return nil }
    return map()
  }

  private func fence(_ partition: Partition) -> PartitionFence? {
    world.database.store.durable.standing(of: partition)
  }

  private func drawPartition() -> Partition { Partition.all[random.index(Partition.count)] }

  // MARK: To drones

  private func lie(to drone: DroneMachine, as term: Term) {
    if drone.isUp, random.chance(100_000) { return lieAsOwner(to: drone) }
    guard let message = lie(for: drone, as: term) else { return }
    world.trace("\(name) lies to \(drone.name) as the commander of term \(term): kind \(message.kind)")
    deliver(message, to: drone.principal)
  }

  private func lie(for drone: DroneMachine, as term: Term) -> ControlMessage? {
    switch random.index(12) {
    case 0, 1, 2: return .heartbeat(heartbeat(term))
    case 3: return map().map { .mapPublished($0) }
    case 4: return accessList(term).map { .accessListPublished($0) }
    case 5: return grant(for: drone, as: term).map { .grantAnswer($0) }
    case 6: return .release(Release(term: term, partitions: .all))
    case 7: return .forgetCopies(ForgetCopies(term: term, copies: everyCopy))
    case 8:
      return .renewal(
        Renewal(
          term: term, nonce: UInt64(random.index(200)), partitions: .all,
          milliseconds: UInt64(world.timing.lease), orphans: .all))
    case 9: return .heartbeatHeard(HeartbeatHeard(term: term, sequence: UInt64(random.index(100))))
    case 10:
      let holder = Holder(principal: principal, incarnation: incarnation)
      let token = FencingToken(term: term, counter: 1 << 30)
      return .fences(
        Fences(
          term: term,
          stored: Partition.all.map { StoredFence(partition: $0, token: token, holder: holder, listed: []) }))
    default: return .refused(Refused(reason: "no", term: Term(term.number + UInt64(1 + random.index(100)))))
    }
  }

  /// With the certificate of his own office, or with that of the other.
  private func heartbeat(_ term: Term) -> Heartbeat {
    let certificate = random.chance(700_000) ? formerOffice?.certificate : world.presentOffice?.certificate
    return Heartbeat(
      term: term, sequence: UInt64(random.index(1_000)), certificate: certificate ?? [], mapVersion: 1 << 40,
      membership: random.chance(500_000) ? 1 : 1 << 40)
  }

  private func map() -> SignedSlotMap? {
    if random.chance(300_000), let maps = formerOffice?.maps, !maps.isEmpty {
      return maps[random.index(maps.count)].signed
    }
    guard let (_, present, certificate) = terms,
      let altered = formerOffice?.alteredMaps(for: principal, present, certificate), !altered.isEmpty
    else { return nil }
    return altered[random.index(altered.count)]
  }

  /// Everybody may do everything.
  private func accessList(_ term: Term) -> SignedAccessList? {
    guard let former = formerOffice else { return nil }
    let list = PublishedAccessList(
      cluster: Names.cluster, term: term, version: 1 << 40, expiry: wall + 600, text: Array("*@* *\n".utf8))
    return try? SignedAccessList(list, key: former.key, certificate: former.certificate)
  }

  private var everyCopy: [Holding] {
    var sets: [FencingToken: PartitionSet] = [:]
    for partition in Partition.all {
      if let token = fence(partition)?.numbering { sets[token, default: []].insert(partition) }
    }
    return sets.keys.sorted().map { Holding(token: $0, partitions: sets[$0] ?? []) }
  }

  /// One that was given before, or a new one for all that there is.
  private func grant(for drone: DroneMachine, as term: Term) -> GrantAnswer? {
    let kept = formerOffice?.grants ?? []
    if random.chance(300_000), !kept.isEmpty {
      let answer = kept[random.index(kept.count)].answer
      return GrantAnswer(
        term: term, incarnation: drone.incarnation, partitions: answer.partitions, token: answer.token,
        mode: answer.mode, database: answer.database, grant: answer.grant)
    }
    guard let (grant, sealed) = mintedGrant(for: drone, as: term) else { return nil }
    return GrantAnswer(
      term: term, incarnation: grant.incarnation, partitions: grant.partitions, token: grant.token,
      mode: grant.mode, database: Names.node(Names.database), grant: sealed)
  }

  func mintedGrant(for drone: DroneMachine, as term: Term) -> (Grant, SealedGrant)? {
    guard let former = formerOffice else { return nil }
    let grant = Grant(
      partitions: .all, incarnation: drone.incarnation,
      token: FencingToken(term: term, counter: UInt64(random.index(2)) << 30 + UInt64(random.index(600))),
      mode: Grant.Mode.allCases[random.index(Grant.Mode.allCases.count)])
    let sealed = try? SealedGrant(
      grant, cluster: Names.cluster, database: Names.database, drone: drone.principal, key: former.sealingKey,
      salt: random.bytes(SealedGrant.saltLength))
    return sealed.map { (grant, $0) }
  }

  // MARK: To the authority and the database

  private func lieToAuthority(_ term: Term) {
    let other = world.drones[random.index(world.drones.count)].principal
    let message: ControlMessage?
    switch random.index(6) {
    case 0, 1: message = .heartbeat(heartbeat(term))
    case 2: message = .termRaised(TermRaised(term: Term(term.number + 100)))
    case 3:
      message = .removalRequest(RemovalRequest(number: random.next(), principal: other, isDead: true))
    case 4:
      message = .storeAcceptance(
        StoreAcceptance(number: random.next(), database: Names.database, mark: world.database.store.mark))
    default:
      message = (try? formerOffice?.key.certificateRequest(subject: principal.text)).map {
        .ballotRequest(BallotRequest(term: term, certificateRequest: $0))
      }
    }
    guard let message else { return }
    world.trace("\(name) lies to the authority as the commander of term \(term): kind \(message.kind)")
    deliver(message, to: Names.authority)
  }

  /// On the session that he has from his time, or on a new one with the ticket that he has from it.
  private func lieOnCommandSession(_ term: Term) {
    guard let former = formerOffice else { return }
    if let session = former.command, session.dialler.isOpen { return order(term, on: session) }
    guard let peer = try? Principal.office(term: former.term, realm: Names.realm) else { return }
    let target = world.database
    world.network.dial(
      from: self, on: control, to: target, at: target.acceptingExecutor,
      accept: { [unowned target] session in
        target.accept(session, as: peer.text, service: Names.command, indicators: ["commander"])
      },
      completion: { [unowned self] session in
        guard let session else { return }
        guard formerOffice?.term == former.term else { return session.close(from: session.dialler) }
        session.dialler.received = { _ in }
        session.dialler.closed = { _ in }
        formerOffice?.command = session
        order(term, on: session)
      })
  }

  private func order(_ term: Term, on session: Session) {
    guard let former = formerOffice else { return }
    let own = former.sealingKey
    let other = SealingKey(identifier: random.next(), key: random.bytes(SealingKey.length))
    let key = random.chance(500_000) ? own : other ?? own
    let message: ControlMessage =
      switch random.index(4) {
      case 0, 1: .deliverKey(DeliverKey(term: term, identifier: key.identifier, key: key.key))
      case 2: .keyStored(KeyStored(term: term, identifier: key.identifier))
      default: .fenceQuestion(FenceQuestion(term: term))
      }
    world.trace("\(name) lies to db1 as the commander of term \(term): kind \(message.kind)")
    session.send(
      [.showCertificate(ShowCertificate(certificate: former.certificate)), message], from: session.dialler)
  }

  /// As a drone: with grants that he has made himself, and with tokens of others.
  private func lieOnDataSession(_ term: Term) {
    guard let (grant, sealed) = mintedGrant(for: self, as: term) else { return }
    let target = world.database
    let holder = principal
    let asked = PartitionSet((0..<8).map { _ in drawPartition() })
    let forged = forgedBatches(asked)
    let copy = random.chance(500_000) ? fence(drawPartition())?.numbering : nil
    world.network.dial(
      from: self, on: control, to: target, at: target.acceptingExecutor,
      accept: { [unowned target] session in
        target.accept(session, as: holder.text, service: Names.database, indicators: [])
      },
      completion: { [unowned self] session in
        guard let session else { return }
        world.trace("\(name) lies to db1: it has \(asked) by a grant under \(grant.token)")
        session.send(
          StoreRequest.open(number: 1, grant: sealed, partitions: asked, copy: copy), from: session.dialler)
        session.send(StoreRequest.append(number: 2, batches: forged), from: session.dialler)
        after(200, on: control) { session.close(from: session.dialler) }
      })
  }

  /// As if they came from those who hold the partitions. What is its own it leaves alone.
  private func forgedBatches(_ partitions: PartitionSet) -> [PartitionBatch] {
    partitions.compactMap { partition in
      guard let fence = fence(partition), fence.holder != principal else { return nil }
      let client = ClientIncarnation(high: random.next(), low: 1)
      let record = LogRecord(
        key: Array("register 0".utf8), change: .put(value: Array("forged".utf8)), client: client, write: 1,
        outcome: .written(existed: false))
      return PartitionBatch(
        partition: partition, token: fence.token, incarnation: fence.incarnation,
        firstSequence: fence.sequence + 1, records: [record],
        inSync: InSyncList(number: fence.inSync.number + 1, holders: []))
    }
  }

  // MARK: To shadows

  /// As if he owned what another owns.
  private func lieAsOwner(to shadow: DroneMachine) {
    let loop = random.index(shadow.loops.count)
    let copies = Partition.all.filter { isOfAnother($0, by: shadow) }
      .compactMap { partition in shadow.loop(of: partition).copyToken(of: partition).map { (partition, $0) } }
    guard !copies.isEmpty else { return }
    var messages = [
      ReplicationMessage.greet(session: UInt64(random.index(2)) << 40 + UInt64(random.index(20)))
    ]
    for _ in 0..<4 {
      let (partition, token) = copies[random.index(copies.count)]
      messages.append(
        forged(partition, random.chance(800_000) ? token : FencingToken(term: token.term, counter: 1 << 40)))
    }
    let (life, owner) = (shadow.life, principal)
    world.trace("\(name) lies to \(shadow.name) as the owner of what it shadows")
    world.network.dial(
      from: self, on: control, to: shadow, at: shadow.loops[loop].executor,
      accept: { [unowned shadow] session in
        shadow.life == life && shadow.loops[loop].accept(session, from: owner)
      },
      completion: { [unowned self] session in
        guard let session else { return }
        session.send(messages, from: session.dialler)
        after(200, on: control) { session.close(from: session.dialler) }
      })
  }

  private func isOfAnother(_ partition: Partition, by shadow: DroneMachine) -> Bool {
    guard let owner = shadow.slotMap?.owner(of: partition) else { return false }
    return owner.principal != principal && fence(partition)?.holder != principal
  }

  private func forged(_ partition: Partition, _ token: FencingToken) -> ReplicationMessage {
    let through = fence(partition)?.sequence ?? 0
    switch random.index(7) {
    case 0: return .resume(partition: partition, token: token)
    case 1:
      return .begin(partition: partition, token: token, sequence: through, past: PastWrites())
    case 2:
      let entries = (0..<9).map { number in
        StoredEntry(
          key: Array("register \(number)".utf8), value: Array("forged".utf8),
          version: Version(fence: token, sequence: 1 << 40))
      }
      return .entries(partition: partition, token: token, entries)
    case 3: return .whole(partition: partition, token: token, sequence: through)
    case 4:
      let record = LogRecord(
        key: Array("register 0".utf8), change: .delete,
        client: ClientIncarnation(high: random.next(), low: 1),
        write: 1, outcome: .written(existed: true))
      let batch = PartitionBatch(
        partition: partition, token: token, incarnation: incarnation,
        firstSequence: max(1, through + UInt64(random.index(4))), records: [record])
      return .records(batch, stored: .max)
    case 5: return .stored(partition: partition, token: token, through: .max)
    default: return .end(partition: partition, token: token)
    }
  }
}
