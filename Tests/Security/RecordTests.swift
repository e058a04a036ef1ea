import Audit
import Cluster
import ClusterFixture
import Foundation
import Keyval
import Node
import Synchronization
import Testing

extension SecurityTests {
  @Suite("Who is accountable")
  struct RecordTests {
    /// The lines of a node's audit log, read as a stranger would: by a JSON decoder.
    private func lines(_ name: String, of cluster: ClusterFixture) throws -> [[String: Any]] {
      let logs = try AuditFiles.logs(in: cluster.directory.data(of: name))
      let texts = try logs.joined().map { String(decoding: try Files.bytes($0), as: UTF8.self) }
      return try texts.joined().split(separator: "\n").map { line in
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      }
    }

    /// Waits until a node has recorded an event with these fields.
    private func recorded(
      _ name: String, in cluster: ClusterFixture, term: UInt64? = nil, _ fields: [String: String]
    ) async throws -> [String: Any] {
      var found: [String: Any]?
      try await cluster.eventually("\(name) records \(fields)", within: .seconds(10)) {
        found = try lines(name, of: cluster).last { line in
          fields.allSatisfy { line[$0.key] as? String == $0.value }
            && (term == nil || line["term"] as? UInt64 == term)
        }
        return found != nil
      }
      return try #require(found)
    }

    @Test(
      "an order is recorded with who gave it, from where, by which cipher, in which term, and its outcome")
    func orders() async throws {
      let target = try await Target.shared
      let alice = target.cluster.principal("alice")
      let status = try await target.status()
      let commander = try #require(status.commander.instance)
      let drained = try #require(status.drones.map(\.principal).first { $0 != status.commander }?.instance)
      #expect(try await target.client.administer(.drain, drained).isAccepted)
      #expect(try await target.client.administer(.resume, drained).isAccepted)
      #expect(try await !target.client.administer(.drain, "d77").isAccepted)
      let order = try await recorded(
        commander, in: target.cluster,
        [
          "event": "order", "action": "drain", "outcome": "accepted", "principal": alice, "subject": drained,
        ])
      #expect((order["address"] as? String)?.hasPrefix("127.0.0.1:") == true)
      #expect([19, 20].contains(order["enctype"] as? Int ?? 0))
      #expect(order["term"] as? UInt64 == status.term.number)
      _ = try await recorded(
        commander, in: target.cluster, ["action": "resume", "outcome": "accepted", "principal": alice])
      let refused = try await recorded(
        commander, in: target.cluster, ["action": "drain", "outcome": "refused", "subject": "d77"])
      #expect((refused["reason"] as? String)?.contains("d77") == true)
      try await target.logged(
        try target.drone(commander), "operator's order", "order=drain", "principal=\(alice)",
        "name=\(drained)")
      try await target.isUnharmed()
    }

    @Test(
      "a denial is recorded with who was denied what, and a million of them as a few lines with their number")
    func denials() async throws {
      let target = try await Target.shared
      let bob = target.cluster.principal("bob-denied")
      let secret = try #require(Secrets.pairs.first)
      let probe = try await Probe.dial(target.drone("d1"), target.user("bob-denied"))
      let count = 20_000
      let requests = (1...count).map { Request.get(UInt64($0), Array(secret.key.utf8)) }
      for start in stride(from: 0, to: count, by: 1_000) {
        probe.send(Array(requests[start..<start + 1_000]))
      }
      let denial = try await recorded(
        "d1", in: target.cluster,
        ["event": "denial", "action": "get", "outcome": "denied", "principal": bob])
      #expect(denial["slot"] as? UInt16 == Slot(key: secret.key.utf8).number)
      // All of them were answered, and the session's end tells the rest.
      try await target.cluster.eventually("all are counted", within: .seconds(20)) {
        probe.send(Request.status(UInt64(count) + 1))
        let denied = try lines("d1", of: target.cluster).filter {
          $0["event"] as? String == "denial" && $0["principal"] as? String == bob
        }
        #expect(denied.count < 40, "\(denied.count) lines")
        return denied.reduce(0) { $0 + ($1["count"] as? Int ?? 1) } >= count
      }
      probe.close()
      let ended = try await recorded(
        "d1", in: target.cluster, ["event": "session", "action": "end", "principal": bob])
      #expect(ended["reason"] as? String != nil)
      // An order that he may not give is a denial too.
      let client = try target.cluster.client(cache: target.cluster.cache(of: "bob-orders"))
      await #expect(throws: KeyvalError.self) { _ = try await client.administer(.drain, "d1") }
      let commander = try #require(try await target.status().commander.instance)
      _ = try await recorded(
        commander, in: target.cluster,
        [
          "event": "denial", "action": "drain", "outcome": "denied", "subject": "d1",
          "principal": target.cluster.principal("bob-orders"),
        ])
      try await target.isUnharmed()
    }

    @Test("a drone that reports what is another's is recorded by the commander, with its name")
    func contradicted() async throws {
      let target = try await Target.shared
      let status = try await target.status()
      let commander = try #require(status.commander.instance)
      let liar = try target.drone(
        try #require(status.drones.map(\.principal).first { $0 != status.commander }?.instance))
      let probe = try await Probe.dial(try target.drone(commander), target.thief(of: liar))
      probe.send(
        .report(
          Report(
            term: status.term, sequence: 1, nonce: 1, incarnation: Incarnation(4_711),
            endpoint: Endpoint(host: liar.address.host, port: UInt16(liar.address.port)),
            holdings: [
              Holding(token: FencingToken(term: status.term, counter: 1_000_000), partitions: .all)
            ], lively: .all, mapTerm: .none, mapVersion: 0, accessTerm: .none, accessVersion: 0,
            reachesDatabase: true)))
      // With its term: on a busy machine an honest drone may have been behind in one before.
      _ = try await recorded(
        commander, in: target.cluster, term: status.term.number,
        ["event": "denial", "action": "report", "outcome": "not believed", "principal": liar.principal])
      probe.close()
      try await target.isUnharmed()
    }

    @Test("sessions, refusals, elections, terms and rights are recorded where they happen")
    func everywhere() async throws {
      let target = try await Target.shared
      let alice = target.cluster.principal("alice")
      let session = try await recorded(
        "d1", in: target.cluster,
        ["event": "session", "action": "begin", "outcome": "accepted", "principal": alice])
      #expect([19, 20].contains(session["enctype"] as? Int ?? 0))
      let term = try await target.status().term.number
      let certified = try await recorded(
        "a1", in: target.cluster, ["event": "election", "action": "certification", "outcome": "certified"])
      #expect(certified["term"] as? UInt64 == term)
      let raised = try await recorded("db1", in: target.cluster, ["event": "term", "action": "raise"])
      #expect(raised["term"] as? UInt64 == term)
      let rights = try await recorded(
        "a1", in: target.cluster, ["event": "rights", "subject": target.cluster.directory.accessList])
      #expect((rights["digest"] as? String)?.count == 64)
      let administrators = try await recorded(
        "a1", in: target.cluster, ["event": "rights", "action": "administrators"])
      #expect((administrators["reason"] as? String)?.contains(alice) == true)
      let ticket = try await recorded(
        "a1", in: target.cluster, ["event": "election", "action": "ticket certificate", "outcome": "issued"])
      #expect(ticket["term"] as? UInt64 == term)
      let commander = try #require(try await target.status().commander.instance)
      for name in ["d1", "d2", "d3"] where name != commander {
        _ = try await recorded(
          name, in: target.cluster, ["event": "rights", "action": "access list", "outcome": "in force"])
      }
      let mallory = target.cluster.principal("mallory-recorded")
      let probe = try await Probe.dial(target.authority, target.user("mallory-recorded"))
      _ = try await probe.closed()
      _ = try await recorded(
        "a1", in: target.cluster,
        ["event": "session", "action": "begin", "outcome": "refused", "principal": mallory])
      try await target.isUnharmed()
    }

    @Test("whoever enrolls a node is recorded, and the password is not")
    func enrollment() async throws {
      let target = try await Target.shared
      let alice = try await Probe.dial(target.authority, target.alice())
      let node = try Principal(target.cluster.principal("keyval-drone/recorded"))
      alice.send(.enrollmentRequest(EnrollmentRequest(number: 1, principal: node)))
      guard case .enrollmentAnswer(let answer) = try await alice.control(),
        case .created(let password, _) = answer.outcome
      else {
        Issue.record("not enrolled")
        return
      }
      alice.close()
      let line = try await recorded(
        "a1", in: target.cluster,
        [
          "event": "enrollment", "principal": target.cluster.principal("alice"), "subject": node.text,
          "outcome": "principal created, password given",
        ])
      #expect((line["address"] as? String)?.hasPrefix("127.0.0.1:") == true)
      for path in try AuditFiles.logs(in: target.cluster.directory.data(of: "a1")).joined() {
        #expect(try !String(decoding: Files.bytes(path), as: UTF8.self).contains(password))
      }
    }

    @Test("who connects without a ticket again and again costs a node a bounded number of lines")
    func flood() async throws {
      let target = try await Target.shared
      let node = try target.drone("d3")
      func failures() -> Int {
        target.cluster.log(of: node.name).split(separator: "\n").count { $0.contains("handshake failed") }
      }
      func records() throws -> Int {
        try lines(node.name, of: target.cluster).count {
          $0["outcome"] as? String == "refused" && $0["principal"] == nil
        }
      }
      let (failed, recorded) = (failures(), try records())
      let began = ContinuousClock.now
      for _ in 0..<600 {
        let tap = try await Wiretap.open(node.address)
        tap.send([UInt8](repeating: 0xff, count: 64))
        _ = try await tap.all()
      }
      let minutes = Int((ContinuousClock.now - began) / .seconds(60)) + 1
      #expect(failures() - failed <= 100 + 60 * minutes)
      #expect(try records() - recorded <= 20 + 20 * minutes)
      try await target.cluster.eventually("the log says how many were left out", within: .seconds(40)) {
        target.cluster.log(of: node.name).split(separator: "\n").contains {
          $0.contains("more like this were left out") && $0.contains("handshake failed")
        }
      }
      try await target.isUnharmed()
    }

    @Test(
      "each node's chain is unbroken, also where the process was killed, and names its head in the ordinary log"
    )
    func chains() async throws {
      let target = try await Target.shared
      for name in ["a1", "db1", "d1", "d2", "d3"] {
        let logs = try AuditFiles.logs(in: target.cluster.directory.data(of: name))
        #expect(logs.count == 1, "\(name)")
        for log in logs {
          let summary = try AuditFiles.verify(log, expected: []) { finding in
            #expect(!finding.isTampering, "\(finding)")
          }
          #expect(summary.isUntouched && summary.lines > 3, "\(name)")
        }
        #expect(target.cluster.log(of: name).contains("audit log begun"))
      }
    }
  }
}
