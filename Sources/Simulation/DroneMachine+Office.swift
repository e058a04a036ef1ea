import Cluster
import Commander
import Cryptography
import Drone
import Office
import Wire

/// The commander's office, while this drone holds it.
extension DroneMachine {
  var officeTerm: Term? { seat?.office?.term }
  var countedVersion: UInt64? { seat?.office?.core.membership }
  var isCommanding: Bool { isUp && (seat?.office?.core.hasMajority(now) ?? false) }

  /// As the commander: an operator accepts that what only these partitions' lost copies held is lost.
  func acceptLoss(of partitions: PartitionSet) -> PartitionSet {
    seat?.office?.core.acceptLoss(of: partitions) ?? []
  }

  /// As the commander: carries out an administrator's order, and answers.
  func administer(_ order: AdministratorOrder, _ name: String) -> String? {
    seat?.office?.core.administer(order, name, now: now).sentence
  }

  /// What a client is told that asks the control side, or gives it an order.
  func answer(to question: ClientSessionCore.Question) -> [UInt8] {
    var writer = CBORWriter()
    switch question {
    case .status(let number) where office != nil:
      if let status = seat?.office?.core.status(now: now) {
        DataAnswer.status(number: number, status).encode(into: &writer)
      }
    case .order(let number, let order, let name) where office != nil:
      if let reply = seat?.office?.core.administer(order, name, now: now) {
        DataAnswer.administered(number: number, reply).encode(into: &writer)
      }
    case .status, .order, .sessions:
      DataAnswer.failed(number: question.number, .notCommander).encode(into: &writer)
    }
    return writer.bytes
  }

  func assumeOffice(_ appointment: OfficeSeat.Appointment) {
    let (term, list) = (appointment.term, core?.accessList)
    guard let events = try? seat?.assume(appointment, accessList: list, now: now, wall: wall) else {
      return handle(.resigned(term))
    }
    stealOffice()
    world.trace("\(name) takes office \(term)")
    world.watch.counts(appointment.membership, in: term)
    for event in events { command(event) }
  }

  func renewOffice(_ term: Term, _ certificate: [UInt8]) {
    guard let event = try? seat?.renew(term, certificate: certificate, wall: wall) else { return }
    formerOffice?.certificate = certificate
    command(event)
  }

  func leaveOffice(_ term: Term, reason: String) {
    guard seat?.leave(term) != nil else { return }
    world.trace("\(name) leaves office \(term): \(reason)")
    if world.stealsOffices {
      formerOffice?.command = command
    } else if let command {
      command.close(from: command.dialler)
    }
    command = nil
  }

  func command(_ event: CommanderEvent) {
    guard let term = seat?.office?.term else { return }
    let actions = seat?.office?.handle(event, now: now, randomness: { random.bytes($0) }) ?? []
    if let version = countedVersion { world.watch.counts(version, in: term) }
    control.perform(
      actions.map { action in
        // An action may have ended the office; what it wanted after that is void.
        { [unowned self] in if office?.term == term { perform(action) } }
      })
  }

  private func perform(_ action: CommanderOffice.Action) {
    switch action {
    case .send(let message, let peer):
      if case .grantAnswer(let answer) = message {
        world.watch.minted(answer.token, by: self)
        formerOffice?.keep(answer, for: peer)
      }
      send(message, to: peer)
    case .command(let message, _): sendCommand(message)
    case .resign(let term, let reason):
      leaveOffice(term, reason: reason)
      handle(.resigned(term))
    case .failed(let error): world.violated("\(name) cannot act as the commander: \(error)")
    case .note(let note): world.trace("\(name) \(note)")
    case .signed(let map, let signed): formerOffice?.keep(signed, map)
    case .signedAccessList(let list): world.watch.publishes(list, by: self)
    }
  }

  /// On the session with the database's command service, opened with a fresh ticket of the office.
  private func sendCommand(_ message: ControlMessage) {
    guard let office else { return }
    if let command, command.dialler.isOpen {
      return command.send(office.shown(message), from: command.dialler)
    }
    seat?.office?.hold(message, for: Names.command)
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

  private func commandOpened(_ session: Session?, _ term: Term) {
    isDialling = false
    guard let session else { return }
    guard office?.term == term else { return session.close(from: session.dialler) }
    command = session
    session.dialler.received = { [unowned self] record in
      for message in world.decode(ControlMessage.self, record) { receive(message, from: Names.command) }
    }
    session.dialler.closed = { [unowned self] _ in if command === session { command = nil } }
    for (_, message) in seat?.office?.takeHeld() ?? [] {
      if let office { session.send(office.shown(message), from: session.dialler) }
    }
  }
}
