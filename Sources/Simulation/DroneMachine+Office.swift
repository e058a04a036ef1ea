import Cluster
import Commander
import Cryptography
import Drone
import Wire

/// The commander's office, while this drone holds it.
extension DroneMachine {
  var officeTerm: Term? { office?.term }
  var countedVersion: UInt64? { office?.core.membership }
  var isCommanding: Bool { isUp && (office?.core.hasMajority(now) ?? false) }

  /// As the commander: an operator accepts that what only these partitions' lost copies held is lost.
  func acceptLoss(of partitions: PartitionSet) -> PartitionSet {
    office?.core.acceptLoss(of: partitions) ?? []
  }

  /// As the commander: carries out an administrator's order, and answers.
  func administer(_ order: AdministratorOrder, _ name: String) -> String? {
    office?.core.administer(order, name, now: now).sentence
  }

  /// What a client is told that asks the control side, or gives it an order.
  func answer(to question: ClientSessionCore.Question) -> [UInt8] {
    var writer = CBORWriter()
    switch question {
    case .status(let number) where office != nil:
      if let status = office?.core.status(now: now) {
        DataAnswer.status(number: number, status).encode(into: &writer)
      }
    case .order(let number, let order, let name) where office != nil:
      if let reply = office?.core.administer(order, name, now: now) {
        DataAnswer.administered(number: number, reply).encode(into: &writer)
      }
    case .status, .order, .sessions:
      DataAnswer.failed(number: question.number, .notCommander).encode(into: &writer)
    }
    return writer.bytes
  }

  func takeOffice(
    _ term: Term, _ certificate: [UInt8], _ membership: UInt64, _ drones: [RegisteredNode],
    _ databases: [RegisteredNode], _ previous: SlotMap?
  ) {
    guard let key = electionKeys.removeValue(forKey: term),
      let proved = try? Names.verifier.verify(
        certificate: certificate, peer: principal, minimumTerm: term, now: wall),
      proved.publicKey.der == key.publicKey.der,
      let sealingKey = SealingKey(identifier: random.next(), key: random.bytes(SealingKey.length))
    else { return handle(.resigned(term)) }
    let core = CommanderCore(
      identity: CommanderCore.Identity(
        principal: principal, term: term, cluster: Names.cluster, authority: Names.node(Names.authority)),
      timing: world.timing, shadows: world.shadows, certificate: certificate, notBefore: proved.notBefore,
      notAfter: proved.notAfter, membership: membership, drones: drones, databases: databases,
      previous: previous, maximumMoves: world.knobs.moves, now: now)
    office = Office(term: term, key: key, certificate: certificate, sealingKey: sealingKey, core: core)
    stealOffice()
    world.trace("\(name) takes office \(term)")
    world.watch.counts(membership, in: term)
    if let list = self.core?.accessList { command(.accessListChanged(list)) }
    command(.ticked(wall: wall))
  }

  func renewOffice(_ term: Term, _ certificate: [UInt8]) {
    guard office?.term == term,
      let proved = try? Names.verifier.verify(
        certificate: certificate, peer: principal, minimumTerm: term, now: wall)
    else { return }
    office?.certificate = certificate
    formerOffice?.certificate = certificate
    command(.certified(certificate: certificate, notAfter: proved.notAfter))
  }

  func leaveOffice(_ term: Term, reason: String) {
    guard office?.term == term else { return }
    world.trace("\(name) leaves office \(term): \(reason)")
    office = nil
    if world.stealsOffices {
      formerOffice?.command = command
    } else if let command {
      command.close(from: command.dialler)
    }
    command = nil
    queued = []
  }

  func command(_ event: CommanderEvent) {
    guard let term = office?.term, let actions = office?.core.handle(event, now: now) else { return }
    if let version = countedVersion { world.watch.counts(version, in: term) }
    control.perform(
      actions.map { action in
        { [unowned self] in
          // An action may have ended the office; what the core wanted after that is void.
          if let office, office.term == term { perform(action, of: office) }
        }
      })
  }

  func perform(_ action: CommanderAction, of office: Office) {
    switch action {
    case .send(let message, let peer): send(message, to: peer)
    case .sign(let map):
      guard let signed = try? SignedSlotMap(map, key: office.key, certificate: office.certificate) else {
        return
      }
      formerOffice?.keep(signed, map)
      command(.signed(signed, version: map.version))
    case .signAccessList(let list):
      guard let signed = try? SignedAccessList(list, key: office.key, certificate: office.certificate) else {
        return
      }
      world.watch.publishes(list, by: self)
      command(.accessListSigned(signed, version: list.version))
    case .mint(let grant, let drone, let database): mint(grant, drone, database, office)
    case .deliverKey:
      sendCommand(
        .deliverKey(
          DeliverKey(
            term: office.term, identifier: office.sealingKey.identifier, key: office.sealingKey.key)))
    case .pingDatabase:
      sendCommand(.keyStored(KeyStored(term: office.term, identifier: office.sealingKey.identifier)))
    case .askFences: sendCommand(.fenceQuestion(FenceQuestion(term: office.term)))
    case .requestCertificate(let term):
      guard let request = try? office.key.certificateRequest(subject: principal.text) else { return }
      send(.ballotRequest(BallotRequest(term: term, certificateRequest: request)), to: Names.authority)
    case .resign(let term, let reason):
      leaveOffice(term, reason: reason)
      handle(.resigned(term))
    case .note(let note): world.trace("\(name) \(note)")
    }
  }

  func mint(_ grant: Grant, _ drone: Principal, _ database: RegisteredNode, _ office: Office) {
    world.watch.minted(grant.token, by: self)
    guard
      let sealed = try? SealedGrant(
        grant, cluster: Names.cluster, database: database.principal, drone: drone, key: office.sealingKey,
        salt: random.bytes(SealedGrant.saltLength))
    else { return world.trace("\(name) cannot seal a grant") }
    let answer = GrantAnswer(
      term: office.term, incarnation: grant.incarnation, partitions: grant.partitions, token: grant.token,
      mode: grant.mode, database: database, grant: sealed)
    formerOffice?.keep(answer, for: drone)
    send(.grantAnswer(answer), to: drone)
  }

  /// On the session with the database's command service, opened with a fresh ticket of the office.
  func sendCommand(_ message: ControlMessage) {
    guard let office else { return }
    // The certificate goes before everything that is said there.
    let messages = [.showCertificate(ShowCertificate(certificate: office.certificate)), message]
    if let command, command.dialler.isOpen { return command.send(messages, from: command.dialler) }
    if queued.count < 16 { queued += messages }
    guard !isDialling, world.authoritySite.givesTicket(for: office.term, key: office.key.publicKey),
      let peer = try? Principal.office(term: office.term, realm: Names.realm)
    else { return }
    isDialling = true
    let target = world.database
    world.network.dial(
      from: self, on: control, to: target, at: target.acceptingExecutor,
      accept: { [unowned target] session in
        target.accept(session, as: peer.text, service: Names.command, indicators: ["commander"])
      },
      completion: { [unowned self] session in commandOpened(session, office.term) })
  }

  func commandOpened(_ session: Session?, _ term: Term) {
    isDialling = false
    guard let session else { return }
    guard office?.term == term else { return session.close(from: session.dialler) }
    command = session
    session.dialler.received = { [unowned self] record in
      for message in world.decode(ControlMessage.self, record) { receive(message, from: Names.command) }
    }
    session.dialler.closed = { [unowned self] _ in if command === session { command = nil } }
    session.send(queued, from: session.dialler)
    queued = []
  }
}
