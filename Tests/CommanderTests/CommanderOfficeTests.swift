import Cluster
import Cryptography
import Office
import Testing

@testable import Commander

@Suite("What the holder of an office signs, seals and shows") struct CommanderOfficeTests {
  typealias N = HarnessNames

  /// An office, and bytes that are never the same.
  private struct Held {
    var office: CommanderOffice
    var now: Instant
    private var drawn: UInt8 = 0

    init() {
      let test = TestOffice()
      office = CommanderOffice(test.core, key: test.key, certificate: test.certificate)
      now = test.now
    }

    mutating func feed(_ event: CommanderEvent) -> [CommanderOffice.Action] {
      office.handle(event, now: now) { count in
        drawn += 1
        return [UInt8](repeating: drawn, count: count)
      }
    }

    mutating func tick() -> [CommanderOffice.Action] { feed(.ticked(wall: N.wallStart)) }

    /// What is said to the database's command service.
    mutating func commands() -> [ControlMessage] {
      now = now + 1_000
      return tick().compactMap { if case .command(let message, N.command) = $0 { message } else { nil } }
    }
  }

  @Test("a database is handed the key of the term once drawn, and asked for that one") func sealingKey()
    throws
  {
    var held = Held()
    let delivered = held.commands().compactMap { if case .deliverKey(let key) = $0 { key } else { nil } }
    let key = try #require(delivered.first)
    #expect(key.term == Term(1) && key.key.count == SealingKey.length)
    _ = held.feed(
      .received(.keyStored(KeyStored(term: Term(1), identifier: key.identifier)), from: N.command))
    let pinged = held.commands().compactMap { if case .keyStored(let ping) = $0 { ping } else { nil } }
    #expect(pinged.map(\.identifier) == [key.identifier])
    let same = held.office.sealingKey(for: N.database) { _ in [] }
    #expect(same.identifier == key.identifier && same.key == key.key)
  }

  @Test("the access list is signed with the election key, and goes out under its certificate") func signs()
    throws
  {
    var held = Held()
    let actions = held.feed(.accessListChanged(N.accessList(2))) + held.tick()
    let lists = actions.compactMap { if case .signedAccessList(let list) = $0 { list } else { nil } }
    #expect(lists.map(\.version) == [2])
    let first = try #require(held.office.core.access.published?.signed)
    let read = try first.verified(
      by: N.verifier, cluster: N.cluster, minimumTerm: Term(1), now: N.wallStart)
    #expect(read.version == 2)
  }

  @Test("when the office is given up, nothing follows") func resigns() {
    var held = Held()
    var actions: [CommanderOffice.Action] = []
    for _ in 0..<100 {
      actions = held.tick()
      if actions.contains(where: { if case .resign = $0 { true } else { false } }) { break }
      held.now = held.now + 100
    }
    guard case .resign(Term(1), _)? = actions.last else {
      Issue.record("no office is held without a majority")
      return
    }
  }

  @Test("on a command session the certificate goes first, also a renewed one") func shown() {
    var held = Held()
    let question = ControlMessage.fenceQuestion(FenceQuestion(term: Term(1)))
    held.office.renew(certificate: [7])
    #expect(held.office.shown(question) == [.showCertificate(ShowCertificate(certificate: [7])), question])
  }

  @Test("what waits for a command session is kept in order, and the oldest go first") func holds() {
    var held = Held()
    for number in 0..<100 as Range<UInt64> {
      held.office.hold(.keyStored(KeyStored(term: Term(1), identifier: number)), for: N.command)
    }
    let numbers = held.office.takeHeld().map { entry -> UInt64? in
      if case .keyStored(let key) = entry.message { key.identifier } else { nil }
    }
    #expect(numbers == (36..<100).map { $0 })
    #expect(held.office.takeHeld().isEmpty)
  }

  /// Moments, after the office was taken, at which the authority is asked for the certificate that the KDC takes.
  private func asked(_ held: inout Held, at moments: [Int64], isMissing: Bool) -> [Int64] {
    moments.filter { moment in
      let actions = held.office.requestTickets(isMissing: isMissing, now: held.now + moment, every: 250)
      return actions.contains { action in
        if case .send(.ticketCertificateRequest(let request), N.authority) = action {
          return request.term == Term(1)
        }
        return false
      }
    }
  }

  @Test("while there is no certificate for the KDC the authority is asked once an interval") func missing() {
    var held = Held()
    #expect(asked(&held, at: [0, 249, 250, 251, 500], isMissing: true) == [0, 250, 500])
  }

  @Test("one that is in use is asked for again after twenty minutes, and at once when the KDC refuses it")
  func due() {
    var held = Held()
    _ = held.office.ticketsInPlace(held.now)
    #expect(asked(&held, at: [0, 1_199_999, 1_200_000], isMissing: false) == [1_200_000])
    #expect(asked(&held, at: [1_200_001, 1_200_250], isMissing: true) == [1_200_250])
  }

  @Test("only the authority's certificate of this very term is awaited") func awaited() {
    let office = Held().office
    let issued = TicketCertificate(term: Term(1), certificate: [1])
    #expect(office.awaits(issued, from: N.authority))
    #expect(!office.awaits(issued, from: N.drone(2)))
    #expect(!office.awaits(TicketCertificate(term: Term(2), certificate: [1]), from: N.authority))
  }

  @Test("what has waited for the certificate is told then, once") func released() {
    var held = Held()
    let question = ControlMessage.fenceQuestion(FenceQuestion(term: Term(1)))
    held.office.hold(question, for: N.command)
    let told = held.office.ticketsInPlace(held.now).map { action in
      if case .command(question, N.command) = action { true } else { false }
    }
    #expect(told == [true])
    #expect(held.office.ticketsInPlace(held.now).isEmpty)
  }
}

@Suite("Who in a process hears a message") struct OfficeRoutingTests {
  typealias N = HarnessNames

  private func told(_ message: ControlMessage, from peer: Principal, list: NumberedAccessList? = nil)
    -> CommanderEvent?
  {
    CommanderEvent(of: message, from: peer, authority: N.authority, accessList: list)
  }

  @Test("what drones answer the commander is for the office alone") func office() {
    let ping = ControlMessage.keyStored(KeyStored(term: Term(1), identifier: 1))
    #expect(ping.isForOffice)
    #expect(ControlMessage.unreachable(Unreachable(term: Term(1), principal: N.drone(1))).isForOffice)
    #expect(!ControlMessage.refused(Refused(reason: "no", term: Term(2))).isForOffice)
    #expect(!ControlMessage.release(Release(term: Term(1), partitions: [])).isForOffice)
  }

  @Test("the office is told of a refusal, too, and of the list that its drone has taken") func both() {
    let refusal = ControlMessage.refused(Refused(reason: "no", term: Term(2)))
    guard case .received(refusal, N.drone(1))? = told(refusal, from: N.drone(1)) else {
      Issue.record("it is not told of the refusal")
      return
    }
    let list = ControlMessage.accessList(N.accessList(1))
    #expect(told(list, from: N.authority) == nil, "the drone did not take it")
    guard case .accessListChanged(let newest)? = told(list, from: N.authority, list: N.accessList(3)) else {
      Issue.record("it is not told of the list")
      return
    }
    #expect(newest.version == 3)
    #expect(told(.release(Release(term: Term(1), partitions: [])), from: N.drone(1)) == nil)
  }
}
