import Cluster
import Testing

@testable import Authority

@Suite("The certificate by which the commander gets its tickets") struct TicketTests {
  private let d1 = World.drone(1)
  private let d2 = World.drone(2)

  private func ask(_ world: World, _ peer: Principal, _ term: UInt64 = 1) {
    world.actions = []
    let request = TicketCertificateRequest(term: Term(term))
    world.feed(.received(.ticketCertificateRequest(request), from: peer))
  }

  private func issuing(_ world: World) -> [TicketCertificateOrder] {
    world.actions.compactMap { if case .issueTicketCertificate(let order) = $0 { order } else { nil } }
  }

  @Test("it is made for the commander alone, one at a time") func commander() {
    let world = World()
    world.elect(1, term: 1)
    let order = TicketCertificateOrder(term: Term(1), commander: d1)
    ask(world, d2)
    #expect(issuing(world).isEmpty)
    ask(world, d1)
    #expect(issuing(world) == [order])
    ask(world, d1)
    #expect(issuing(world).isEmpty, "one is on its way")
    world.feed(.ticketCertificateIssued(order, certificate: [7]))
    let issued = TicketCertificate(term: Term(1), certificate: [7])
    #expect(world.actions.contains(.send(.ticketCertificate(issued), to: d1)))
    ask(world, d1)
    #expect(issuing(world) == [order])
  }

  @Test("it is made again when it could not be made") func failure() {
    let world = World()
    world.elect(1, term: 1)
    ask(world, d1)
    let order = TicketCertificateOrder(term: Term(1), commander: d1)
    world.feed(.ticketCertificateNotIssued(order, reason: "the KDC is away"))
    ask(world, d1)
    #expect(issuing(world) == [order])
  }

  @Test("it is signed for the certified winner of the register's term, and for nobody else") func signed()
    throws
  {
    let world = World()
    world.elect(1, term: 1)
    let record = world.register.office
    #expect(TicketCertificateOrder(term: Term(1), commander: d1).winner(by: record)?.principal == d1)
    #expect(TicketCertificateOrder(term: Term(1), commander: d2).winner(by: record) == nil)
    #expect(TicketCertificateOrder(term: Term(2), commander: d1).winner(by: record) == nil)
    let winner = try #require(record.winner)
    let burnt = OfficeRecord(revision: 9, term: Term(1), state: .burnt(winner))
    #expect(TicketCertificateOrder(term: Term(1), commander: d1).winner(by: burnt) == nil)
  }

  @Test("an election certificate is due once the lower offices are gone, for the term's winner and key")
  func due() throws {
    let world = World()
    world.elect(1, term: 1)
    let winner = try #require(world.register.office.winner)
    func isDue(_ state: OfficeRecord.State, term: UInt64 = 1) -> Bool {
      let order = CertificateOrder(term: Term(1), winner: winner, notBefore: 0, notAfter: 1)
      return order.isDue(by: OfficeRecord(revision: 9, term: Term(term), state: state))
    }
    let other = Winner(principal: d2, key: winner.key)
    #expect(isDue(.certifying(winner, done: .lowerOfficesDeleted)) && isDue(world.register.office.state))
    #expect(!isDue(.certifying(winner, done: .termsRaised)) && !isDue(.burnt(winner)) && !isDue(.vacant))
    #expect(!isDue(.certifying(other, done: .lowerOfficesDeleted)))
    #expect(!isDue(.certifying(winner, done: .lowerOfficesDeleted), term: 2))
  }
}
