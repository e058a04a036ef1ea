import Cluster
import Cryptography
import Foundation
import Kerberos
import KerberosFixture
import Logging
import NIOPosix
import Provisioning
import ServiceLifecycle
import Testing

@testable import Node
@testable import Transport

@Suite("The authority as a process would run it, with a real KDC", .timeLimit(.minutes(2)))
struct AuthorityNodeTests {
  @Test("drones register, vote, and the winner gets a certificate and a command ticket by it")
  func election() async throws {
    let site = try await AuthoritySite()
    try await site.run { authority in
      let drones = try await site.drones(["d1", "d2", "d3"], of: authority)
      let database = try await site.database("db1", of: authority)
      for peer in drones + [database] { _ = try await peer.registered { $0.drones.count == 3 } }

      let key = try P256PrivateKey.generate()
      let request = try key.certificateRequest(subject: drones[0].principal.text)
      drones[0].send(.ballotRequest(BallotRequest(term: Term(1), certificateRequest: request)))
      for drone in drones {
        let query = try await drone.next { if case .voteQuery(let query) = $0 { query } else { nil } }
        drone.send(
          .vote(Vote(ballot: query.ballot, term: query.term, candidate: drones[0].principal)))
      }
      let raise = try await database.next { if case .raiseTerm(let raise) = $0 { raise } else { nil } }
      #expect(raise.term == Term(1))
      #expect(try site.fixture.kadmin().officeFingerprint(term: 1) == key.publicKey.fingerprint)
      database.send(.termRaised(TermRaised(term: Term(1))))
      let certified = try await drones[0].next {
        if case .certified(let certified) = $0 { certified } else { nil }
      }
      let office = try site.configuration.electionVerifier().verify(
        certificate: certified.certificate, peer: drones[0].principal, minimumTerm: Term(1),
        now: NodeClock.wallSeconds())
      #expect(ElectionKey(office.publicKey) == ElectionKey(key.publicKey))
      _ = try await drones[2].registered { $0.certificate == certified.certificate }

      // The KDC gives the command ticket for the certificate that the authority issues to the commander alone, and not
      // for the one that everybody sees.
      let refused = #expect(throws: KerberosError.self) {
        try site.commandTicket(certificate: certified.certificate, key: key, term: 1)
      }
      #expect(refused?.reason == .certificateRefused)
      let question = ControlMessage.ticketCertificateRequest(TicketCertificateRequest(term: Term(1)))
      drones[1].send(question)
      drones[0].send(question)
      let issued = try await drones[0].next {
        if case .ticketCertificate(let issued) = $0 { issued } else { nil }
      }
      #expect(issued.term == Term(1))
      _ = try site.commandTicket(certificate: issued.certificate, key: key, term: 1)
      #expect(throws: BeliefError.self, "and nobody takes it for an election certificate") {
        try site.configuration.electionVerifier().verify(
          certificate: issued.certificate, peer: drones[0].principal, minimumTerm: Term(1),
          now: NodeClock.wallSeconds())
      }
      drones[0].send(
        .heartbeat(
          Heartbeat(
            term: Term(1), sequence: 9, certificate: certified.certificate, mapVersion: 0,
            membership: 0)))
      let heard = try await drones[0].next {
        if case .heartbeatHeard(let heard) = $0 { heard } else { nil }
      }
      #expect(heard.sequence == 9)
      // Whatever came to another drone since, that was not among it.
      drones[1].send(.nodesRequest(NodesRequest(number: 1)))
      let reason = try await drones[1].next { message -> String? in
        if case .ticketCertificate = message { Issue.record("issued to somebody else") }
        if case .refused(let refusal) = message { return refusal.reason } else { return nil }
      }
      #expect(reason.contains("administrators"))
    }
    // The next process of the authority knows the term.
    try await site.run { authority in
      let drone = try await site.drones(["d2"], of: authority)[0]
      let registered = try await drone.registered { _ in true }
      #expect(registered.term == Term(1) && registered.certificate != nil)
      #expect(registered.drones.count == 3 && registered.databases.count == 1)
    }
  }

  @Test("an administrator enrolls a drone, which makes its key, registers, and does not expire")
  func enrollment() async throws {
    let site = try await AuthoritySite()
    try await site.run { authority in
      let node = try Principal(role: .drone, node: "d9", realm: site.fixture.realmName)
      let alice = try site.enrollmentClient("alice", of: authority)
      let invitation = try await alice.invite(node)
      #expect(!"\(invitation)".contains(invitation.password))
      let keytab = site.fixture.path("d9.keytab")
      try Enrollment.complete(principal: node.text, password: invitation.password, keytabPath: keytab)
      let drone = try await site.peer(node, keytab: keytab, of: authority)
      drone.register()
      _ = try await drone.registered { $0.drones.contains { $0.principal == node } }
      try await site.expiryIsCleared(of: node)

      let error = await #expect(throws: NodeError.self) { try await alice.invite(node) }
      #expect(error?.description.contains("exists already") == true)

      // What the KDC says of the authority, and where its keytab is, is for the authority's log.
      site.fixture.stopDaemons()
      let other = try Principal(role: .drone, node: "d7", realm: site.fixture.realmName)
      let away = await #expect(throws: NodeError.self) { try await alice.invite(other) }
      #expect(away?.description.contains("does not reach the realm's kadmind") == true)
      for words in [site.fixture.realm.layout.authorityKeytab, "keytab", "KRB5_CONFIG", "/tmp"] {
        #expect(away?.description.contains(words) == false, "\(words)")
      }
      try site.fixture.restartDaemons()
    }
  }

  @Test("a person who is no administrator is not let in")
  func stranger() async throws {
    let site = try await AuthoritySite()
    try await site.run { authority in
      let bob = try site.enrollmentClient("bob", of: authority)
      let node = try Principal(role: .drone, node: "d8", realm: site.fixture.realmName)
      await #expect(throws: (any Error).self) { try await bob.invite(node) }
      let principals = try site.fixture.realm.administer(["listprincs"])
      #expect(principals.contains("keyval-authority/") && !principals.contains(node.text))
    }
  }

  @Test("who has ceased to be an administrator enrolls nobody any more, without a restart")
  func administrators() async throws {
    let site = try await AuthoritySite()
    try await site.run { authority in
      let (alice, bob) = (
        try site.membershipClient("alice", of: authority), try site.membershipClient("bob", of: authority)
      )
      func isIn(_ client: MembershipClient) async -> Bool { (try? await client.nodes()) != nil }
      #expect(await isIn(alice))
      #expect(await !isIn(bob))
      try site.writeAdministrators(["alice", "bob"])
      while await !isIn(bob) { try await Task.sleep(for: .milliseconds(20)) }
      #expect(await isIn(alice))
      try site.writeAdministrators(["bob"])
      while await isIn(alice) { try await Task.sleep(for: .milliseconds(20)) }
      #expect(await isIn(bob))
      let node = try Principal(role: .drone, node: "d8", realm: site.fixture.realmName)
      await #expect(throws: (any Error).self) {
        try await site.enrollmentClient("alice", of: authority).invite(node)
      }
      _ = try await site.enrollmentClient("bob", of: authority).invite(node)
    }
  }

  @Test("a configuration that cannot be read changes no administrator, and is said once")
  func uselessAdministrators() async throws {
    let site = try await AuthoritySite()
    let (watch, problem) = AdministratorsWatch.begin(site.configuration)
    let first = watch.current
    #expect(problem == nil && !first.isEmpty)
    try site.writeAdministrators(nil)
    guard case .useless = watch.look() else {
      Issue.record("what is no JSON was taken")
      return
    }
    #expect(watch.current == first)
    guard case .unchanged = watch.look() else {
      Issue.record("the same file is told of again")
      return
    }
    // A process that begins with such a file keeps what it was started with, and says so.
    #expect(AdministratorsWatch.begin(site.configuration).problem != nil)
    try site.writeAdministrators(["bob"])
    guard case .changed(let people) = watch.look() else {
      Issue.record("the file that was mended was not taken")
      return
    }
    #expect(people.map(\.text) == [site.fixture.principal("bob")] && watch.current == people)
  }

  @Test(
    "drones get the access list, and each change of its file; a mistake changes nothing, nor does a restart")
  func accessList() async throws {
    let site = try await AuthoritySite()
    @Sendable func list(_ drone: AuthorityPeer) async throws -> NumberedAccessList {
      try await drone.next { if case .accessList(let list) = $0 { list } else { nil } }
    }
    let alice = "alice@\(site.fixture.realmName) *\n"
    let both = alice + "bob@\(site.fixture.realmName) r public/\n"
    try site.writeAccess(alice)
    try await site.run { authority in
      let drone = try await site.drones(["d1"], of: authority)[0]
      let first = try await list(drone)
      #expect(first.version == 1 && first.text == [UInt8](alice.utf8))
      try site.writeAccess("bob r public/\n")
      try await Task.sleep(for: .milliseconds(site.configuration.timing.lookAtFiles + 500))
      try site.writeAccess(both)
      let second = try await list(drone)
      #expect(second.version == 2 && second.text == [UInt8](both.utf8))
    }
    try await site.run { authority in
      let drone = try await site.drones(["d1"], of: authority)[0]
      #expect(try await list(drone).version == 2, "the same list has the same version")
      drone.register(accessVersion: 2)
      let registered = try await drone.registered { _ in true }
      #expect(registered.accessVersion == 2)
    }
    try site.writeAccess(alice)
    try await site.run { authority in
      let drone = try await site.drones(["d1"], of: authority)[0]
      #expect(try await list(drone).version == 3, "what changed while no authority ran is a change too")
    }
    try site.writeAccess("nonsense\n")
    let error = await #expect(throws: NodeError.self) {
      try await AuthorityNode(configuration: site.configuration, logger: site.logger).run()
    }
    #expect(error?.description.contains("access.acl (access): line 1, column 9") == true)
  }

  @Test("a CA that is not the one of the anchors is refused at the start, by name")
  func otherCA() async throws {
    let site = try await AuthoritySite()
    let now = NodeClock.wallSeconds()
    let other = try CertificateAuthority.create(
      name: "Other", realm: site.fixture.realmName, notBefore: now, notAfter: now + 1000)
    let path = site.fixture.path("other.pem")
    try Data(other.certificatePEM.utf8).write(to: URL(fileURLWithPath: path))
    let configuration = try site.load(overrides: ["anchors": path])
    let error = await #expect(throws: NodeError.self) {
      try await AuthorityNode(configuration: configuration, logger: site.logger).run()
    }
    #expect(error?.description.contains(path) == true)
  }

  @Test("a membership key that does not belong to the public one is refused at the start, by name")
  func otherMembershipKey() async throws {
    let site = try await AuthoritySite()
    let path = site.fixture.path("other-membership.pem")
    try Data(P256PrivateKey.generate().publicKey.pem.utf8).write(to: URL(fileURLWithPath: path))
    for text in [path, site.fixture.realm.layout.anchors] {
      let configuration = try site.load(overrides: ["membership": text])
      let error = await #expect(throws: NodeError.self) {
        try await AuthorityNode(configuration: configuration, logger: site.logger).run()
      }
      #expect(error?.description.contains(text) == true)
    }
  }

  @Test("a drone is removed, sent the list that says so and closed; enrolled anew it may register again")
  func removal() async throws {
    let site = try await AuthoritySite()
    try await site.run { authority in
      let drones = try await site.drones(["d1", "d2"], of: authority)
      let verifier = try site.configuration.membershipVerifier()
      _ = try await drones[1].registered { $0.drones.count == 2 }
      try site.addUser("alice")
      let alice = try site.membershipClient("alice", of: authority)
      await #expect(throws: NodeError.self) {
        try await alice.remove(
          Principal(role: .drone, node: "d7", realm: site.fixture.realmName), isDead: false)
      }
      let answer = try await alice.remove(drones[1].principal, isDead: false)
      #expect(answer.version == 3 && !answer.isPending, "no commander was ever elected")
      // The last list that it is sent is the one without it; then the session ends.
      var last: MembershipList?
      while let message = await drones[1].mailbox.next() {
        if case .membership(let signed) = message { last = try verifier.verify(signed, known: last) }
      }
      #expect(last?.version == 3 && last?.members == [drones[0].principal])
      let nodes = try await alice.nodes()
      #expect(nodes.nodes.map(\.principal) == [drones[0].principal])
      #expect(nodes.revoked == [drones[1].principal])

      // It is as dead at the KDC, and made anew.
      let again = try await site.drones(["d2"], of: authority)[0]
      while await again.mailbox.next() != nil {}
      _ = try site.fixture.realm.administer(["delprinc -force \(again.principal)"])
      let enrollment = try site.enrollmentClient("alice", of: authority)
      let invitation = try await enrollment.invite(again.principal)
      let keytab = site.fixture.path("d2-anew.keytab")
      try Enrollment.complete(
        principal: again.principal.text, password: invitation.password, keytabPath: keytab)
      let anew = try await site.peer(again.principal, keytab: keytab, of: authority)
      anew.register()
      _ = try await anew.registered { $0.membership == 4 && $0.drones.count == 2 }
    }
  }
}
