import Cluster
import Glibc
import Kerberos
import KerberosFixture
import Sessions
import Testing
import Transport

/// Expects a dial to fail on this side, for a reason of Kerberos.
private func expectRefusal(
  _ reason: KerberosError.Reason, at location: SourceLocation = #_sourceLocation,
  _ body: () async throws -> Void
) async {
  do {
    try await body()
    Issue.record("was not refused", sourceLocation: location)
  } catch let error as KerberosError {
    #expect(error.reason == reason, "\(error)", sourceLocation: location)
  } catch TransportError.kerberos(let error) {
    #expect(error.reason == reason, "\(error)", sourceLocation: location)
  } catch {
    Issue.record("refused by another kind of error: \(error)", sourceLocation: location)
  }
}

extension SecurityTests {
  @Suite("Tickets")
  struct TicketTests {
    @Test("without a ticket a node says who it is, and nothing more")
    func noTicket() async throws {
      let target = try await Target.shared
      for node in try target.nodes {
        let hello = try await SessionDialer(cluster: "").hello(node.address, on: Probe.group.next())
        #expect(hello.realm == target.cluster.realmName && hello.principals.contains(node.principal))
        await expectRefusal(.noTicket) {
          _ = try await Probe.dial(node, .fromCache(name: "FILE:/nonexistent/cache"))
        }
      }
      try await target.isUnharmed()
    }

    @Test("an expired ticket opens nothing, and is told from none")
    func expiredTicket() async throws {
      let target = try await Target.shared
      let cache = try target.cluster.cache(of: "edgar", lifetime: 1)
      try await target.cluster.eventually("the ticket of a second is over") {
        (try? InitiatorCredential.fromCache(name: cache)) == nil
      }
      for node in try target.nodes {
        await expectRefusal(.ticketExpired) { _ = try await Probe.dial(node, .fromCache(name: cache)) }
      }
      try await target.isUnharmed()
    }

    /// What an honest client library never does: it presents a ticket that is over. Before the real end and the
    /// realm's clock skew have passed each node takes the very same ticket, so that what it says afterwards is
    /// about time and nothing else. The wait is for the clock, which alone ends a ticket.
    @Test(
      "an expired ticket that is presented all the same is refused by the node, which says why and goes on")
    func presentedExpiredTicket() async throws {
      let target = try await Target.shared
      var presented: [(node: Target.Node, credential: InitiatorCredential)] = []
      var latest: Int64 = 0
      for (number, node) in try target.nodes.enumerated() {
        let user = "olga\(number)"
        let password = OneTimePassword.generate()
        try target.cluster.realm().addUser(name: user, password: password)
        let ticket = try OutlivedTicket(
          of: target.cluster.principal(user), password: password, for: node.principal, seconds: 1,
          in: target.scratch(user))
        let credential = try InitiatorCredential.fromCache(name: ticket.cache)
        // Authenticated, whatever the node thinks of the person.
        _ = try await Probe.dial(node, credential)
        presented.append((node, credential))
        latest = max(latest, ticket.end)
      }
      let end = latest + Int64(try target.cluster.realm().settings.clockSkew)
      try await target.cluster.eventually(
        "tickets of a second and the clock skew are over", within: .seconds(60)
      ) {
        Int64(time(nil)) > end
      }
      for (node, credential) in presented {
        do {
          _ = try await Probe.dial(node, credential)
          Issue.record("\(node) took an expired ticket")
        } catch TransportError.session(.refused(let refusal)) {
          #expect(refusal.code == .ticketRefused)
          for words in [node.principal, "has expired", "realm \(target.cluster.realmName)", "kinit"] {
            #expect(refusal.sentence.contains(words), "\(refusal.sentence)")
          }
        }
        // Another is let in by the same node right afterwards.
        _ = try await Probe.dial(node, target.alice())
      }
      try await target.isUnharmed()
    }

    @Test(
      "another realm's ticket opens nothing; with a trust its people are let in, its nodes and offices not")
    func otherRealm() async throws {
      let target = try await Target.shared
      let abroad = try KerberosFixture()
      defer { abroad.close() }
      try abroad.addUser("berta")
      let berta = try abroad.cache(of: "berta")
      for node in try target.nodes {
        await expectRefusal(.wrongRealm) { _ = try await Probe.dial(node, .fromCache(name: berta)) }
      }

      let secret = OneTimePassword.generate()
      for realm in [try target.cluster.realm(), abroad.realm] {
        try realm.addTrust(from: abroad.realmName, to: target.cluster.realmName, secret: secret)
      }
      let guest = try await Probe.dial(target.drone("d1"), .fromCache(name: abroad.cache(of: "berta")))
      guest.send(Request.topology(1))
      _ = try await guest.received()

      // Names that mean something here, made by somebody who administers another realm.
      for name in ["keyval-drone/d1", "keyval-drone/d9", "keyval-commander/7", "keyval-database/db1"] {
        let keytab = try abroad.addService(name)
        for node in try target.nodes {
          let stranger = try await Probe.dial(
            node, .fromKeytab(keytab: keytab, principal: abroad.principal(name)))
          #expect(try await stranger.closed() == .closedByPeer(.notAuthorized), "\(name) at \(node)")
          try await target.logged(node, "session refused", abroad.principal(name))
        }
      }
      #expect(try await target.status().drones.count == 3)
      try await target.isUnharmed()
    }

    @Test(
      "an office that has come by a key, and so by tickets without the election's mark, is let in nowhere")
    func officeWithKey() async throws {
      let target = try await Target.shared
      let term = try await target.status().term.number
      for name in ["keyval-commander/\(term + 100)", "keyval-commander/x"] {
        let office = try target.principal(name)
        for node in try target.nodes {
          let probe = try await Probe.dial(node, office)
          #expect(try await probe.closed() == .closedByPeer(.notAuthorized), "\(name) at \(node)")
        }
        // For the command service the KDC wants the mark.
        await expectRefusal(.policyRejects) {
          _ = try await Probe.dial(
            target.cluster.principal("keyval-command/db1"), at: target.database.address, office)
        }
      }
      try await target.isUnharmed()
    }

    @Test("a database, a command service and a second authority have no business with a drone")
    func otherNodes() async throws {
      let target = try await Target.shared
      for name in ["keyval-database/db7", "keyval-command/db7", "keyval-authority/a7", "keyval-drone"] {
        let probe = try await Probe.dial(target.drone("d1"), target.principal(name))
        #expect(try await probe.closed() == .closedByPeer(.notAuthorized), "\(name)")
      }
      try await target.isUnharmed()
    }

    @Test("the KDC itself refuses a drone the command service, and says which principal it refused")
    func droneAsCommander() async throws {
      let target = try await Target.shared
      let service = target.cluster.principal("keyval-command/db1")
      let drone = try target.thief(of: target.drone("d2"))
      let before = target.cluster.kdcLog.count
      // Not the client's own refusal: the KDC was asked, and its log has the reason.
      await expectRefusal(.policyRejects) {
        _ = try await Probe.dial(service, at: target.database.address, drone)
      }
      let lines = target.cluster.kdcLog.dropFirst(before).split(separator: "\n")
      let refusal = lines.last {
        $0.contains(target.cluster.principal("keyval-drone/d2") + " for " + service)
      }
      #expect(refusal?.contains("TGT BASED NOT ALLOWED") == true, "\(lines.suffix(3))")
      try await target.isUnharmed()
    }
  }

  @Suite("Roles")
  struct RoleTests {
    @Test("a person's control messages end his session with a drone; authority and database let him not in")
    func userAsDrone() async throws {
      let target = try await Target.shared
      let mallory = try target.user("mallory")
      let term = Term(1 << 40)
      let messages: [ControlMessage] = [
        .candidacy(Candidacy(term: term)), .voteQuery(VoteQuery(ballot: 1, term: term)),
        .release(Release(term: term, partitions: .all)),
        .refused(Refused(reason: "I have promised another", term: term)),
        .heartbeatHeard(HeartbeatHeard(term: term, sequence: 1)), .raiseTerm(RaiseTerm(term: term)),
        .termRaised(TermRaised(term: term)),
        .deliverKey(DeliverKey(term: term, identifier: 1, key: .init(repeating: 1, count: 32))),
        .mapPublished(try await target.signedMap()),
        .register(
          Register(incarnation: Incarnation(1), endpoint: Endpoint(host: "127.0.0.1", port: 9), membership: 0)
        ),
      ]
      for message in messages {
        let probe = try await Probe.dial(target.drone("d2"), mallory)
        probe.send(message)
        #expect(try await probe.closed() == .closedByPeer(.unknownMessage), "\(message.kind)")
      }
      for node in [try target.authority, try target.database] {
        let probe = try await Probe.dial(node, mallory)
        for message in messages { probe.send(message) }
        #expect(try await probe.closed() == .closedByPeer(.notAuthorized), "\(node)")
        try await target.logged(node, "session refused", "mallory")
      }
      try await target.isUnharmed()
    }

    @Test("who may only enroll gets no voice: an administrator neither registers, votes nor certifies")
    func administrator() async throws {
      let target = try await Target.shared
      let alice = try await Probe.dial(target.authority, target.alice())
      alice.send(
        .register(
          Register(incarnation: Incarnation(1), endpoint: Endpoint(host: "127.0.0.1", port: 9), membership: 0)
        ))
      guard case .refused = try await alice.control() else {
        Issue.record("registered")
        return
      }
      alice.send(.heartbeatHeard(HeartbeatHeard(term: Term(9), sequence: 1)))
      guard case .refused = try await alice.control() else {
        Issue.record("taken")
        return
      }
      // Nor does the right to enroll reach beyond drones of this realm.
      for name in ["keyval-commander/99", "keyval-database/db9", "krbtgt/EVIL.TEST", "keyval-drone/x"] {
        let realm = name == "keyval-drone/x" ? "EVIL.TEST" : target.cluster.realmName
        alice.send(
          .enrollmentRequest(EnrollmentRequest(number: 1, principal: try Principal("\(name)@\(realm)"))))
        guard case .enrollmentAnswer(let answer) = try await alice.control(), case .refused = answer.outcome
        else {
          Issue.record("enrolled \(name)")
          return
        }
      }
      #expect(try await target.status().drones.count == 3)
      try await target.isUnharmed()
    }

    @Test("a drone gives the database no orders, and the authority takes none either")
    func droneAsAuthority() async throws {
      let target = try await Target.shared
      let before = try await target.status().term
      let orders: [ControlMessage] = [
        .raiseTerm(RaiseTerm(term: Term(1 << 40))),
        .deliverKey(DeliverKey(term: before, identifier: 1, key: .init(repeating: 1, count: 32))),
      ]
      let evil = try target.principal("keyval-drone/evil1")
      for order in orders {
        let probe = try await Probe.dial(target.database, evil)
        probe.send(order)
        // Whichever comes first: it is on no membership list, and a drone's session has no such message.
        let end = try await probe.closed()
        #expect(end == .closedByPeer(.unknownMessage) || end == .closedByPeer(.notAuthorized))
        let other = try await Probe.dial(target.authority, evil)
        other.send(order)
        guard case .refused = try await other.control() else {
          Issue.record("taken")
          return
        }
      }
      // A certificate request of somebody who is not registered.
      let probe = try await Probe.dial(target.authority, evil)
      probe.send(.ballotRequest(BallotRequest(term: before.next, certificateRequest: [1, 2, 3])))
      guard case .ballotFailed(let failure) = try await probe.control() else {
        Issue.record("no refusal")
        return
      }
      #expect(failure.reason.contains("not registered"))
      #expect(try await target.status().term == before)
      try await target.isUnharmed()
    }
  }
}
