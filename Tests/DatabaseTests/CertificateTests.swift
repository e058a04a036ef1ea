import Cluster
import Testing

@testable import Database

@Suite("The election certificate on a command session")
struct CertificateTests {
  var subject = Subject()
  let ping = ControlMessage.keyStored(KeyStored(term: Term(3), identifier: 1))
  let delivery = ControlMessage.deliverKey(
    DeliverKey(term: Term(3), identifier: 1, key: sealingKey(3).key.key))

  init() { _ = subject.handle(.opened(session: 1, .commander(Term(3)))) }

  /// The database says why, ends the session, and does nothing else; nothing that follows is heard.
  private mutating func expectEnd(
    _ effects: [DatabaseAction], _ error: DatabaseAccessError, location: SourceLocation = #_sourceLocation
  ) {
    #expect(
      effects == [
        .send(.refused(Refused(reason: "\(error)", term: Term(3))), session: 1), .close(session: 1, error),
      ], sourceLocation: location)
    #expect(subject.effects(.received(delivery, session: 1)).isEmpty, sourceLocation: location)
  }

  @Test("whoever has shown none is refused, whatever it asks")
  mutating func none() {
    expectEnd(subject.effects(.received(ping, session: 1)), .withoutCertificate(Term(3)))
    _ = subject.handle(.opened(session: 2, .commander(Term(3))))
    let effects = subject.effects(.received(delivery, session: 2))
    #expect(effects.last == .close(session: 2, .withoutCertificate(Term(3))))
    #expect(!effects.contains { if case .perform = $0 { true } else { false } })
  }

  @Test("whoever has shown its own is answered, and one session's certificate is not another's")
  mutating func own() {
    #expect(subject.effects(.received(certificate(3), session: 1)).isEmpty)
    #expect(subject.effects(.received(ping, session: 1)) == [.send(ping, session: 1)])
    #expect(subject.effects(.received(delivery, session: 1)) == [.perform(.storeKey(sealingKey(3)))])
    _ = subject.handle(.opened(session: 2, .commander(Term(3))))
    #expect(
      subject.effects(.received(ping, session: 2)).last == .close(session: 2, .withoutCertificate(Term(3))))
  }

  @Test(
    "one of another CA, of another term, that has ended or not begun, and bytes that are none are refused",
    arguments: [
      certificate(3, by: otherAuthority), certificate(2), certificate(4), certificate(3, until: 0),
      certificate(3, from: 1), .showCertificate(ShowCertificate(certificate: [])),
      .showCertificate(ShowCertificate(certificate: [0x30, 0x03, 0x02, 0x01, 0x03])),
    ])
  mutating func refused(shown: ControlMessage) {
    let effects = subject.effects(.received(shown, session: 1))
    guard case .close(session: 1, .badCertificate(Term(3), let reason)) = effects.last else {
      Issue.record("\(effects)")
      return
    }
    expectEnd(effects, .badCertificate(Term(3), reason: reason))
  }

  @Test("a certificate of another session's term, seen before, is refused all the same")
  mutating func remembered() {
    _ = subject.handle(.received(certificate(3), session: 1))
    let shown = certificate(4)
    _ = subject.handle(.opened(session: 2, .commander(Term(4))))
    #expect(subject.effects(.received(shown, session: 2)).isEmpty)
    let effects = subject.effects(.received(shown, session: 1))
    #expect(effects.contains { if case .close(session: 1, .badCertificate) = $0 { true } else { false } })
  }

  @Test("when it ends by the clock on the wall the session ends, with the tick or with the next message")
  mutating func ends() {
    _ = subject.handle(.received(certificate(3, until: 100), session: 1))
    subject.wall = start + 99
    #expect(subject.effects(.ticked).isEmpty)
    #expect(subject.effects(.received(ping, session: 1)) == [.send(ping, session: 1)])
    var other = self
    subject.wall = start + 100
    expectEnd(subject.effects(.ticked), .certificateOver(Term(3)))
    other.subject.wall = start + 100
    other.expectEnd(other.subject.effects(.received(ping, session: 1)), .certificateOver(Term(3)))
  }

  @Test("one that was renewed in time lets the session go on until its own end")
  mutating func renewed() {
    _ = subject.handle(.received(certificate(3, until: 100), session: 1))
    subject.wall = start + 99
    #expect(subject.effects(.received(certificate(3, from: 50, until: 200), session: 1)).isEmpty)
    subject.wall = start + 199
    #expect(subject.effects(.ticked).isEmpty)
    #expect(subject.effects(.received(ping, session: 1)) == [.send(ping, session: 1)])
    subject.wall = start + 200
    expectEnd(subject.effects(.ticked), .certificateOver(Term(3)))
  }

  @Test("nobody but a commander shows one")
  mutating func strangers() {
    _ = subject.handle(.opened(session: 2, .drone(firstDrone)))
    _ = subject.handle(.opened(session: 3, .authority))
    for session: UInt64 in [2, 3] {
      let effects = subject.effects(.received(certificate(3), session: session))
      #expect(effects.contains { if case .close(session, .notPermitted) = $0 { true } else { false } })
    }
  }
}
