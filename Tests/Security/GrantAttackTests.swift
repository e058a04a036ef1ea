import Cluster
import Cryptography
import Kerberos
import Testing
import Transport
import Wire

extension SecurityTests {
  @Suite("Grants at a real database")
  struct GrantAttackTests {
    private func token(_ term: UInt64, _ counter: UInt64) -> FencingToken {
      FencingToken(term: Term(term), counter: counter)
    }

    private func partition(_ number: Int) throws -> Partition { try #require(Partition(number)) }

    /// The grant with one byte of its wire form changed.
    private func altered(_ grant: SealedGrant, at position: Int) -> SealedGrant? {
      var bytes = grant.encoded()
      bytes[position] ^= 1
      return try? SealedGrant.decode(bytes)
    }

    @Test("forged, altered, borrowed and expired grants open nothing; the drone whose grant it is goes on")
    func grants() async throws {
      let site = try await DatabaseSite()
      let (first, other) = (try await site.drone("d1"), try await site.drone("d2"))
      let one: PartitionSet = [try partition(1)]
      let both: PartitionSet = [try partition(1), try partition(2)]
      let honest = try site.grant(one, token(1, 2))
      #expect(try await first.open(one, honest) == nil)

      let forger = try #require(SealingKey(identifier: 1, key: SecureRandom.bytes(SealingKey.length)))
      let unknown = try #require(SealingKey(identifier: 2, key: forger.key))
      let next = token(1, 9)
      let refusals: [(String, SealedGrant, PartitionSet, GrantError)] = [
        ("forged", try site.grant(one, next, key: forger), one, .forged),
        ("of an unknown key", try site.grant(one, next, key: unknown), one, .unknownKey(term: Term(1))),
        ("of another term", try site.grant(one, token(3, 1)), one, .unknownKey(term: Term(3))),
        ("of another cluster", try site.grant(one, next, cluster: "other"), one, .otherCluster("other")),
        (
          "for another database", try site.grant(one, next, database: "keyval-database/db2"), one,
          .otherDatabase(try Principal(site.kerberos.principal("keyval-database/db2")))
        ),
        ("of another life", try site.grant(one, next, incarnation: 6), one, .otherIncarnation),
        ("for less than is asked", try site.grant(one, next), both, .notCovered(try partition(2))),
        (
          "borrowed", try site.grant(one, to: "d2", next), one,
          .borrowed(holder: try Principal(site.kerberos.principal("keyval-drone/d2")))
        ),
        (
          "of a lower token", try site.grant(one, token(1, 1)), one,
          .fenced(try partition(1), current: token(1, 2))
        ),
      ]
      for (what, grant, partitions, error) in refusals {
        #expect(try await first.open(partitions, grant) == "\(error)", "\(what)")
      }
      // Whatever byte of a grant is changed.
      var shown = 0
      for position in honest.encoded().indices {
        guard let altered = altered(try site.grant(one, next), at: position) else { continue }
        shown += 1
        #expect(try await first.open(one, altered) != nil, "byte \(position)")
      }
      #expect(shown > 100)
      #expect(try await other.open(one, honest) == "\(GrantError.borrowed(holder: honest.drone))")

      // The honest drone writes on under its token, and nobody else under it.
      let written = try partition(1)
      func batch(_ sequence: UInt64) -> PartitionBatch {
        PartitionBatch(
          partition: written, token: token(1, 2), incarnation: Incarnation(5),
          firstSequence: sequence,
          records: [
            LogRecord(
              key: [1], change: .put(value: [2]), client: ClientIncarnation(high: 1, low: 1), write: sequence,
              outcome: .written(existed: false))
          ])
      }
      guard case .appended(_, let fenced) = try await other.append(batch(1)) else {
        Issue.record("no answer")
        return
      }
      #expect(fenced == [.init(partition: written, result: .fenced(by: token(1, 2)))])
      guard case .appended(_, let stored) = try await first.append(batch(1)) else {
        Issue.record("no answer")
        return
      }
      #expect(stored == [.init(partition: written, result: .stored(through: 1))])

      // A new term: what was granted before it opens nothing any more.
      try await site.raise(to: 2)
      let expired = "\(GrantError.expired(term: Term(1), current: Term(2)))"
      #expect(try await first.open(one, site.grant(one, next)) == expired)
      // Nor does saying the new term, with the key of the old one.
      #expect(
        try await first.open(one, site.grant(one, token(2, 1))) == "\(GrantError.unknownKey(term: Term(2)))")
      await site.stop()
    }

    @Test(
      "a deposed commander's open session is ended, its ticket opens another for a word, and the KDC gives none"
    )
    func deposed() async throws {
      let site = try await DatabaseSite()
      let holder = try site.kerberos.appoint(term: 3)
      let service = site.kerberos.principal("keyval-command/db1")
      let office = site.kerberos.officePrincipal(3)
      func ticket() throws -> InitiatorCredential {
        try OfficeTicket.obtain(
          office: office, certificatePEM: holder.ticketCertificatePEM, keyPEM: holder.key.pemBytes,
          service: service,
          armor: nil)
      }
      let kept = try ticket()
      try await site.raise(to: 3)
      // In office: the session is open, and its certificate has been shown and believed.
      let open = try await Probe.dial(service, at: site.address, ticket())
      let stored = ControlMessage.keyStored(KeyStored(term: Term(3), identifier: 1))
      open.send(DatabaseSite.show(holder))
      open.send(
        ControlMessage.deliverKey(
          DeliverKey(term: Term(3), identifier: 1, key: [UInt8](repeating: 3, count: 32))))
      let answer = try await open.control()
      #expect(answer == stored)

      try await site.raise(to: 4)
      guard case .refused(let farewell) = try await open.control() else {
        Issue.record("the open session goes on")
        return
      }
      #expect(farewell.term == Term(4))
      open.send(
        .deliverKey(DeliverKey(term: Term(4), identifier: 6, key: SecureRandom.bytes(SealingKey.length))))
      #expect(try await open.closed() == .closedByPeer(.notAuthorized))
      #expect(!open.hasReceived, "nothing is answered any more")
      try site.kerberos.kadmin().deleteOffice(term: 3)
      let probe = try await Probe.dial(service, at: site.address, kept)
      guard case .refused(let refusal) = try await probe.control() else {
        Issue.record("not refused")
        return
      }
      #expect(refusal.term == Term(4))
      #expect(try await probe.closed() == .closedByPeer(.notAuthorized))
      let error = #expect(throws: KerberosError.self) { try ticket() }
      #expect(error?.reason == .clientUnknown)
      #expect(site.kerberos.kdcLog.contains("CLIENT_NOT_FOUND: \(office)"))
      let successor = try await site.commander(4)
      successor.send(
        .deliverKey(DeliverKey(term: Term(4), identifier: 7, key: SecureRandom.bytes(SealingKey.length))))
      #expect(try await successor.control() == .keyStored(KeyStored(term: Term(4), identifier: 7)))
      await site.stop()
    }
  }
}
