import Cluster
import Cryptography
import Foundation
import Glibc
import Kerberos
import Testing
import Transport

extension SecurityTests {
  @Suite("Whom drones believe")
  struct ElectionAttackTests {
    private func heartbeat(_ term: Term, _ certificate: [UInt8]) -> ControlMessage {
      .heartbeat(
        Heartbeat(term: term, sequence: 1, certificate: certificate, mapVersion: 1, membership: .max))
    }

    /// A certificate for somebody, as the given CA would issue it, valid for seconds from now.
    private func certificate(
      _ term: Term, winner: String, _ target: Target, by issuer: CertificateAuthority? = nil,
      valid: Range<Int64> = -60..<3600
    ) throws -> (der: [UInt8], key: P256PrivateKey) {
      let key = try P256PrivateKey.generate()
      let now = Int64(time(nil))
      let authority = try issuer ?? electionCA(of: target)
      let der = try authority.issueElectionCertificate(
        publicKey: key.publicKey, term: term.number, winner: target.cluster.principal(winner),
        realm: target.cluster.realmName, notBefore: now + valid.lowerBound, notAfter: now + valid.upperBound)
      return (der, key)
    }

    /// Two drones that are not the commander: one whose key was stolen, and one to attack with it.
    private func pair(_ status: ClusterStatus, _ target: Target) throws -> (
      attacker: Target.Node, victim: Target.Node
    ) {
      let names = ["d1", "d2", "d3"].filter { $0 != status.commander.shortName }
      return (try target.drone(names[0]), try target.drone(names[1]))
    }

    private func electionCA(of target: Target) throws -> CertificateAuthority {
      let layout = try target.cluster.realm().layout
      return try CertificateAuthority(
        certificatePEM: String(decoding: Files.bytes(layout.anchors), as: UTF8.self),
        keyPEM: String(decoding: Files.bytes(layout.electionCAKey), as: UTF8.self))
    }

    @Test("a heartbeat with somebody else's certificate, or with one of another CA, is not believed")
    func borrowedCertificate() async throws {
      let target = try await Target.shared
      let (before, map) = (try await target.status(), try await target.signedMap())
      let (attacker, victim) = try pair(before, target)
      let probe = try await Probe.dial(victim, target.thief(of: attacker))
      defer { probe.close() }
      probe.send(heartbeat(before.term, map.certificate))
      try await target.logged(
        victim, "not believed", attacker.principal, "belongs to \(before.commander)")

      let now = Int64(time(nil))
      let other = try CertificateAuthority.create(
        name: "Another", realm: target.cluster.realmName, notBefore: now - 60, notAfter: now + 3600)
      let forged = try certificate(
        before.term.next, winner: "keyval-drone/\(attacker.name)", target, by: other)
      probe.send(heartbeat(before.term.next, forged.der))
      try await target.logged(victim, "not believed", attacker.principal, "does not hold")
      #expect(try await target.status().commander == before.commander)
      try await target.isUnharmed()
    }

    /// Whoever has the election CA's key may make certificates of any term: those that do not count by their time, or are
    /// for another than who shows them, move nobody, however high their term is.
    @Test(
      "a certificate of a term in the future that has expired, not begun or another's name moves no drone")
    func futureTerm() async throws {
      let target = try await Target.shared
      let before = try await target.status()
      let (attacker, victim) = try pair(before, target)
      let own = "keyval-drone/\(attacker.name)"
      let attempts: [(winner: String, valid: Range<Int64>, words: String)] = [
        (own, -7_200 ..< -3_600, "The certificate ended"), (own, 3_600..<7_200, "The certificate begins in"),
        ("keyval-drone/\(victim.name)", -60..<3_600, "belongs to \(victim.principal)"),
      ]
      for (number, attempt) in attempts.enumerated() {
        let term = Term(before.term.number + 1_000 + UInt64(number))
        let forged = try certificate(term, winner: attempt.winner, target, valid: attempt.valid)
        let probe = try await Probe.dial(victim, target.thief(of: attacker))
        probe.send(heartbeat(term, forged.der))
        try await target.logged(victim, "not believed", attacker.principal, attempt.words)
        probe.close()
      }
      let after = try await target.status()
      #expect(after.term == before.term && after.commander == before.commander)
      try await target.isUnharmed()
    }

    @Test("a heartbeat with the certificate of a lower term is refused, with the term that is promised")
    func lowerTerm() async throws {
      let target = try await Target.shared
      let before = try await target.status()
      #expect(before.term >= Term(2))
      let pair = try pair(before, target)
      for (attacker, victim) in [pair, (pair.victim, pair.attacker)] {
        let old = try certificate(Term(1), winner: "keyval-drone/\(attacker.name)", target)
        let probe = try await Probe.dial(victim, target.thief(of: attacker))
        defer { probe.close() }
        probe.send(heartbeat(Term(1), old.der))
        #expect(
          try await probe.control()
            == .refused(Refused(reason: "a higher term has been promised", term: before.term)))
        // Saying a higher term than the certificate's does not help.
        probe.send(heartbeat(before.term, old.der))
        try await target.logged(victim, "not believed", attacker.principal, "is over")
      }
      #expect(try await target.status().commander == before.commander)
      try await target.isUnharmed()
    }

    @Test("a drone that is enrolled and no member of the cluster is let in by no drone")
    func noMember() async throws {
      let target = try await Target.shared
      let evil = try target.principal("keyval-drone/evil4")
      for name in ["d1", "d2", "d3"] {
        do {
          let probe = try await Probe.dial(target.drone(name), evil)
          probe.send(.candidacy(Candidacy(term: Term(.max))))
          _ = try await probe.closed()
          #expect(!probe.hasReceived)
        } catch is TransportError {}
        try await target.logged(try target.drone(name), "session refused", "keyval-drone/evil4")
      }
      try await target.isUnharmed()
    }

    @Test("whoever is neither the authority nor the commander asks for no vote and takes nothing away")
    func votes() async throws {
      let target = try await Target.shared
      let status = try await target.status()
      let term = status.term
      let (attacker, victim) = try pair(status, target)
      let probe = try await Probe.dial(victim, target.thief(of: attacker))
      defer { probe.close() }
      probe.send(.voteQuery(VoteQuery(ballot: 1, term: term.next)))
      probe.send(.release(Release(term: term, partitions: .all)))
      // This one is answered: so the first answer shows that those before it were not.
      probe.send(heartbeat(Term(1), [1]))
      guard case .refused(let refusal) = try await probe.control() else {
        Issue.record("answered")
        return
      }
      #expect(refusal.term == term)
      let after = try await target.status()
      // A busy machine may have held an election of its own accord.
      #expect(after.slotsServed == 16_384 || after.term > term)
      try await target.isUnharmed()
    }

    @Test(
      "a slot map that another key has signed is not believed, though the commander's principal brings it")
    func forgedMap() async throws {
      let target = try await Target.shared
      let (status, signed) = (try await target.status(), try await target.signedMap())
      let map = try SlotMap.decode(signed.body)
      let forged = try #require(
        SlotMap(
          cluster: map.cluster, term: map.term, version: map.version + 100, expiry: map.expiry,
          commander: map.commander, drones: [map.drones[0]], owners: Partition.all.map { _ in 0 }))
      let commander = try target.drone(status.commander.shortName)
      let victim = try target.drone(commander.name == "d2" ? "d3" : "d2")
      // The body under another key, with the real certificate; then a certificate of the thief's own CA.
      let own = try certificate(map.term, winner: "keyval-drone/\(commander.name)", target)
      let now = Int64(time(nil))
      let ca = try CertificateAuthority.create(
        name: "Thief", realm: target.cluster.realmName, notBefore: now - 60, notAfter: now + 3600)
      let foreign = try certificate(map.term, winner: "keyval-drone/\(commander.name)", target, by: ca)
      let thief = try await Probe.dial(victim, target.thief(of: commander))
      thief.send(
        .mapPublished(try SignedSlotMap(forged, key: own.key, certificate: signed.certificate)))
      try await target.logged(victim, "not believed", "not signed by the commander of term \(map.term)")
      thief.send(
        .mapPublished(try SignedSlotMap(forged, key: foreign.key, certificate: foreign.der)))
      try await target.logged(victim, "not believed", commander.principal, "does not hold")
      thief.close()
      _ = try await thief.closed()
      try await target.cluster.awaitServing(by: target.client, drones: ["d1", "d2", "d3"])
      #expect(try await SlotMap.decode(target.signedMap().body).version < forged.version)
      try await target.isUnharmed()
    }
  }
}
