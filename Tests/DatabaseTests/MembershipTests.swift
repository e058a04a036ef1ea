import Cluster
import Cryptography
import Testing

@testable import Database

@Suite("Whom a database lets in") struct MembershipTests {
  private func signed(
    _ list: MembershipList, key: P256PrivateKey = membershipKey
  ) throws -> ControlMessage { .membership(try SignedMembership(list, key: key)) }

  /// A database with the authority in session 1 and two drones in sessions 2 and 3.
  private func subject() -> Subject {
    var subject = Subject()
    _ = subject.handle(.opened(session: 1, .authority))
    _ = subject.handle(.opened(session: 2, .drone(firstDrone)))
    _ = subject.handle(.opened(session: 3, .drone(secondDrone)))
    return subject
  }

  @Test("a newer list is stored, and then whoever is not on it is closed, nobody else")
  func removed() throws {
    var subject = subject()
    let list = members(2, secondDrone)
    let message = try signed(list)
    guard case .membership(let sent) = message else { return }
    #expect(
      subject.effects(.received(message, session: 1)) == [
        .admit(sent, list), .close(session: 2, .notMember(firstDrone)),
      ])
    #expect(subject.core.members == list)
    #expect(subject.effects(.requested(.append(number: 1, batches: [batch(1)]), session: 2)) == [])
    #expect(subject.effects(.requested(.append(number: 1, batches: [batch(1)]), session: 3)) != [])
    #expect(
      subject.effects(.opened(session: 4, .drone(firstDrone))) == [.close(session: 4, .notMember(firstDrone))]
    )
  }

  @Test("the same list again changes nothing, and the version is told with each registration")
  func repeated() throws {
    var subject = subject()
    #expect(subject.effects(.received(try signed(members(1, firstDrone, secondDrone)), session: 1)) == [])
    _ = subject.handle(.received(try signed(members(9, secondDrone)), session: 1))
    let actions = subject.effects(.listening(address))
    #expect(
      actions == [
        .register(Register(incarnation: identity.incarnation, endpoint: address, membership: 9))
      ])
  }

  @Test("forged, altered, older and other clusters' lists close nobody")
  func refused() throws {
    var subject = subject()
    _ = subject.handle(.received(try signed(members(5, firstDrone, secondDrone)), session: 1))
    let foreign = MembershipList(cluster: "other", version: 6, members: [secondDrone])!
    let good = try SignedMembership(members(6, secondDrone), key: membershipKey)
    for message in [
      try signed(members(6, secondDrone), key: .generate()), try signed(foreign),
      try signed(members(4, secondDrone)), try signed(members(5, secondDrone)),
      .membership(SignedMembership(body: good.body + [0], signature: good.signature)),
    ] {
      #expect(subject.effects(.received(message, session: 1)) == [])
    }
    #expect(subject.core.members == members(5, firstDrone, secondDrone))
  }

  @Test("only the authority brings lists")
  func fromADrone() throws {
    var subject = subject()
    let message = try signed(members(6, firstDrone))
    #expect(
      subject.effects(.received(message, session: 2)) == [
        .close(session: 2, .notPermitted("control message of kind 59"))
      ])
    #expect(subject.core.members?.version == 1)
  }

  @Test("a commander that was removed commands no more, whatever certificate it shows")
  func removedCommander() throws {
    var subject = subject()
    subject.command(4, term: 3)
    let question = ControlMessage.keyStored(KeyStored(term: Term(3), identifier: 1))
    #expect(subject.effects(.received(question, session: 4)) == [.send(question, session: 4)])
    let refusal = DatabaseAccessError.notMember(firstDrone)
    let closing: [DatabaseAction] = [
      .send(.refused(Refused(reason: "\(refusal)", term: Term(3))), session: 4), .close(session: 4, refusal),
    ]
    let effects = subject.effects(.received(try signed(members(2, secondDrone)), session: 1))
    #expect(effects.suffix(2) == closing[...])
    _ = subject.handle(.opened(session: 4, .commander(Term(3))))
    #expect(subject.effects(.received(certificate(3), session: 4)) == closing)
    #expect(subject.effects(.received(question, session: 4)) == [])
  }

  @Test("without any list it lets in the authority and offices, and no drone")
  func withoutList() {
    var subject = Subject(members: nil)
    #expect(subject.effects(.opened(session: 1, .authority)) == [])
    #expect(subject.effects(.opened(session: 2, .commander(Term(3)))) == [])
    #expect(
      subject.effects(.opened(session: 3, .drone(firstDrone))) == [.close(session: 3, .notMember(firstDrone))]
    )
  }
}
