import Cluster
import Commander
import Cryptography
import Office
import Testing

@Suite("How a drone takes the commander's office") struct OfficeSeatTests {
  typealias N = HarnessNames

  private let now = Instant(milliseconds: 5_000_000)
  private let key = try! P256PrivateKey.generate()
  private var seat = OfficeSeat(
    OfficeSeat.Terms(
      principal: N.drone(0), cluster: N.cluster, authority: N.node(N.authority), timing: Timing(),
      verifier: N.verifier, shadows: 1))

  private func appointment(
    _ term: UInt64, winner: Int = 0, key: P256PrivateKey
  ) -> OfficeSeat.Appointment {
    let certificate = N.certificate(
      term: Term(term), winner: N.drone(winner), key: key.publicKey, wall: N.wallStart)
    return OfficeSeat.Appointment(
      term: Term(term), certificate: certificate, membership: 1, drones: [N.node(N.drone(0))],
      databases: [N.node(N.database)], previous: nil)
  }

  private mutating func assume(
    _ appointment: OfficeSeat.Appointment, _ list: NumberedAccessList? = nil
  ) throws(OfficeError) -> [CommanderEvent] {
    try seat.assume(appointment, accessList: list, now: now, wall: N.wallStart)
  }

  @Test("the certificate for the key of this candidacy brings the office; the access list comes first")
  mutating func taken() throws {
    _ = try seat.stand(for: Term(3), key: key)
    let events = try assume(appointment(3, key: key), N.accessList(4))
    #expect(seat.office?.term == Term(3) && seat.office?.key.publicKey.der == key.publicKey.der)
    #expect(events.count == 2)
    guard case .accessListChanged(N.accessList(4))? = events.first, case .ticked? = events.last else {
      Issue.record("the commander is told \(events)")
      return
    }
  }

  @Test("nobody takes an office that he has not stood for, has withdrawn from, or stood for after another")
  mutating func withoutKey() throws {
    #expect(throws: OfficeError.self) { try assume(appointment(3, key: key)) }
    _ = try seat.stand(for: Term(3), key: key)
    seat.withdraw(from: Term(2))
    seat.withdraw(from: Term(3))
    #expect(throws: OfficeError.self) { try assume(appointment(3, key: key)) }
    _ = try seat.stand(for: Term(4), key: key)
    _ = try seat.stand(for: Term(5), key: key)
    #expect(throws: OfficeError.self) { try assume(appointment(4, key: key)) }
    #expect(seat.office == nil)
    _ = try assume(appointment(5, key: key))
    #expect(seat.office?.term == Term(5))
  }

  @Test("a certificate for another key, another drone or another term brings no office")
  mutating func notBelieved() throws {
    let other = try P256PrivateKey.generate()
    let good = appointment(3, key: key)
    let wrongTerm = OfficeSeat.Appointment(
      term: Term(3), certificate: appointment(2, key: key).certificate, membership: 1, drones: good.drones,
      databases: good.databases, previous: nil)
    for appointment in [appointment(3, key: other), appointment(3, winner: 1, key: key), wrongTerm] {
      _ = try seat.stand(for: Term(3), key: key)
      #expect(throws: OfficeError.self) { try assume(appointment) }
      #expect(seat.office == nil)
    }
  }

  @Test("an office is renewed by a certificate of its own term, and by no other") mutating func renewed()
    throws
  {
    _ = try seat.stand(for: Term(3), key: key)
    _ = try assume(appointment(3, key: key))
    let newer = appointment(3, key: key).certificate
    let event = try seat.renew(Term(3), certificate: newer, wall: N.wallStart)
    guard case .certified(newer, _)? = event else {
      Issue.record("the commander is told \(String(describing: event))")
      return
    }
    #expect(seat.office?.certificate == newer)
    #expect(try seat.renew(Term(4), certificate: newer, wall: N.wallStart) == nil)
    let lower = appointment(2, key: key).certificate
    #expect(throws: OfficeError.self) {
      try seat.renew(Term(3), certificate: lower, wall: N.wallStart)
    }
    #expect(seat.office?.certificate == newer)
  }

  @Test("an office is left once, and by its own term") mutating func left() throws {
    _ = try seat.stand(for: Term(3), key: key)
    _ = try assume(appointment(3, key: key))
    #expect(seat.leave(Term(2)) == nil)
    #expect(seat.leave(Term(3))?.term == Term(3))
    #expect(seat.office == nil && seat.leave(Term(3)) == nil)
  }
}
