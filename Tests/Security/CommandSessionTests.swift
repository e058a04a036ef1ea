import Cluster
import Cryptography
import KerberosFixture
import Testing
import Transport

extension SecurityTests {
  @Suite("The certificate on a command session of a real database")
  struct CommandSessionTests {
    private let ping = ControlMessage.keyStored(KeyStored(term: Term(1), identifier: 1))

    /// With the right ticket, and still believed nothing.
    private func expectEnd(_ probe: Probe, after message: ControlMessage, _ reason: String) async throws {
      probe.send(message)
      guard case .refused(let refusal) = try await probe.control() else {
        Issue.record("not refused: \(reason)")
        return
      }
      #expect(refusal.reason.contains(reason))
      #expect(try await probe.closed() == .closedByPeer(.notAuthorized))
    }

    @Test("a ticket of the office alone commands nothing; nor do certificates of others")
    func refused() async throws {
      let site = try await DatabaseSite()
      try await expectEnd(
        try await site.commander(1, isSilent: true), after: ping, "has not shown its election certificate")
      let stranger = try CertificateAuthority.create(
        name: "Election CA", realm: site.kerberos.realmName, notBefore: 0, notAfter: 1 << 33)
      let others = [
        try site.kerberos.certify(term: 1, by: stranger), try site.kerberos.certify(term: 2),
        try site.kerberos.certify(term: 1, from: -20, until: -10),
      ]
      for other in others {
        let probe = try await site.commander(1, isSilent: true)
        try await expectEnd(probe, after: DatabaseSite.show(other), "is not believed")
      }
      let honest = try await site.commander(1)
      honest.send(ping)
      #expect(try await honest.control() == ping)
      await site.stop()
    }

    @Test("a session ends with its certificate, and goes on with one that was renewed in time")
    func ends() async throws {
      let site = try await DatabaseSite()
      let short = try site.kerberos.certify(term: 1, until: 6)
      let (ending, renewed) = (
        try await site.commander(1, isSilent: true), try await site.commander(1, isSilent: true)
      )
      for probe in [ending, renewed] {
        probe.send(DatabaseSite.show(short))
        probe.send(ping)
        #expect(try await probe.control() == ping)
      }
      renewed.send(DatabaseSite.show(try site.kerberos.certify(term: 1)))
      guard case .refused(let refusal) = try await ending.control() else {
        Issue.record("not refused")
        return
      }
      #expect(refusal.reason.contains("has ended"))
      #expect(try await ending.closed() == .closedByPeer(.notAuthorized))
      renewed.send(ping)
      #expect(try await renewed.control() == ping)
      await site.stop()
    }
  }
}
