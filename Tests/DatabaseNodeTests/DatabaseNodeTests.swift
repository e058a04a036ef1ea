import Cluster
import Foundation
import Kerberos
import Sessions
import Testing
import Transport

@testable import Node

@Suite("A database node", .timeLimit(.minutes(2)))
struct DatabaseNodeTests {
  @Test("what a drone had stored is there after a restart, for the next drone with a grant, byte for byte")
  func restart() async throws {
    let fixture = try await DatabaseFixture.start()
    let all: PartitionSet = [partition(3), partition(4)]
    let large = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try await fixture.withDatabase { address in
      let commander = try await fixture.elect(1, at: address)
      let drone = try await fixture.drone("d1", at: address)
      let opened = try await drone.open(
        all, fixture.grant(all, to: "keyval-drone/d1", token: token(1, 1)))
      #expect(opened.entries.isEmpty)
      #expect(opened.sequences == [0, 0])
      let first = try await drone.append(
        batch(3, from: 1, token: token(1, 1), ([], []), ([0, 255], [1, 2, 3])),
        batch(4, from: 1, token: token(1, 1), ([7], [8])))
      #expect(
        first
          == .appended(
            number: 1,
            results: [
              .init(partition: partition(3), result: .stored(through: 2)),
              .init(partition: partition(4), result: .stored(through: 1)),
            ]))
      for sequence: UInt64 in 3...12 {
        _ = try await drone.append(
          batch(3, from: sequence, token: token(1, 1), ([UInt8(sequence)], large)), number: sequence)
      }
      commander.mesh.shutDown()
    }
    try await fixture.withDatabase { address in
      let drone = try await fixture.drone("d2", at: address)
      let opened = try await drone.open(
        all, fixture.grant(all, to: "keyval-drone/d2", token: token(1, 2)))
      #expect(opened.refused.isEmpty)
      #expect(opened.sequences == [12, 1])
      let keys = opened.entries.map(\.key)
      #expect(
        keys.dropLast().sorted { $0.lexicographicallyPrecedes($1) }
          == [[], [0, 255]] + (3...12).map { [$0] })
      #expect(keys.last == [7], "the other partition's")
      #expect(opened.entries.first { $0.key == [0, 255] }?.value == [1, 2, 3])
      #expect(opened.entries.filter { $0.value == large }.count == 10)
    }
    await fixture.stop()
  }

  @Test("a grant that is borrowed, fenced, altered or of an old term opens nothing, and the session goes on")
  func refusedGrants() async throws {
    let fixture = try await DatabaseFixture.start()
    try await fixture.withDatabase { address in
      _ = try await fixture.elect(1, at: address)
      let one: PartitionSet = [partition(1)]
      let (first, second) = (
        try await fixture.drone("d1", at: address), try await fixture.drone("d2", at: address)
      )
      let honest = try fixture.grant(one, to: "keyval-drone/d1", token: token(1, 2))
      #expect(try await second.open(one, honest).refused.count == 1)
      #expect(try await first.open(one, honest).refused.isEmpty)
      let low = try fixture.grant(one, to: "keyval-drone/d2", token: token(1, 1))
      let fenced = "\(GrantError.fenced(partition(1), current: token(1, 2)))"
      #expect(try await second.open(one, low, number: 2).refused == [fenced])
      #expect(
        try await second.append(batch(1, from: 1, token: token(1, 2), ([1], [1])))
          == .appended(
            number: 1, results: [.init(partition: partition(1), result: .fenced(by: token(1, 2)))]))
      fixture.authority.send(.raiseTerm(RaiseTerm(term: Term(2))), to: fixture.database)
      _ = try await fixture.authority.take { $0 == .termRaised(TermRaised(term: Term(2))) }
      let old = try fixture.grant(one, to: "keyval-drone/d1", token: token(1, 3))
      #expect(
        try await first.open(one, old, number: 2).refused
          == ["\(GrantError.expired(term: Term(1), current: Term(2)))"])
      #expect(
        try await first.append(batch(1, from: 1, token: token(1, 2), ([1], [1])), number: 9)
          == .appended(
            number: 9, results: [.init(partition: partition(1), result: .stored(through: 1))]))
    }
    await fixture.stop()
  }

  @Test("when the term rises the commander of a lower one is shut out, now and when it comes again")
  func oldCommander() async throws {
    let fixture = try await DatabaseFixture.start()
    try await fixture.withDatabase { address in
      let old = try await fixture.elect(1, at: address)
      let ping = ControlMessage.keyStored(KeyStored(term: Term(1), identifier: 1))
      old.send(ping, to: fixture.command)
      _ = try await old.take { $0 == ping }
      fixture.authority.send(.raiseTerm(RaiseTerm(term: Term(2))), to: fixture.database)
      #expect(try await old.closed() == .closedByPeer(.notAuthorized))
      old.send(ping, to: fixture.command)
      let refused = try await old.take { if case .refused = $0 { true } else { false } }
      guard case .refused(let body) = refused else { return }
      #expect(body.term == Term(2))
    }
    await fixture.stop()
  }

  @Test("the KDC gives no drone a ticket for the command service, and the database lets in no person")
  func strangers() async throws {
    let fixture = try await DatabaseFixture.start()
    try await fixture.withDatabase { address in
      let keytab = try fixture.kerberos.addDrone("d1")
      let principal = fixture.kerberos.principal("keyval-drone/d1")
      do {
        _ = try await fixture.client(of: fixture.command, at: address) { () throws(KerberosError) in
          try .fromKeytab(keytab: keytab, principal: principal)
        }
        Issue.record("a drone got a session with the command service")
      } catch let error as TransportError {
        guard case .kerberos(let error) = error else { throw error }
        #expect(error.reason == .policyRejects)
      }
      try fixture.kerberos.addUser("alice")
      let cache = try fixture.kerberos.cache(of: "alice")
      let alice = try await fixture.client(of: fixture.database, at: address) { () throws(KerberosError) in
        try .fromCache(name: cache)
      }
      #expect(try await alice.closed() == .closedByPeer(.notAuthorized))
      _ = try await fixture.elect(1, at: address)
    }
    await fixture.stop()
  }

  @Test("bytes that are no request end their session, and no other")
  func malformed() async throws {
    let fixture = try await DatabaseFixture.start()
    try await fixture.withDatabase { address in
      _ = try await fixture.elect(1, at: address)
      let (first, second) = (
        try await fixture.drone("d1", at: address), try await fixture.drone("d2", at: address)
      )
      first.send(bytes: [0x83, 0x18, 65, 0x01, 0x9f])
      #expect(try await first.closed() == .closedByPeer(.protocolError))
      let third = try await fixture.drone("d3", at: address)
      third.send(bytes: [0x82, 0x18, 79, 0x01])
      #expect(try await third.closed() == .closedByPeer(.unknownMessage))
      let one: PartitionSet = [partition(1)]
      let grant = try fixture.grant(one, to: "keyval-drone/d2", token: token(1, 1))
      #expect(try await second.open(one, grant).refused.isEmpty)
    }
    await fixture.stop()
  }

  @Test("a drone that does not read its contents holds up nobody else, and gets them when it does")
  func slowReader() async throws {
    let fixture = try await DatabaseFixture.start()
    try await fixture.withDatabase { address in
      _ = try await fixture.elect(1, at: address)
      let one: PartitionSet = [partition(1)]
      let two: PartitionSet = [partition(2)]
      let slow = try await fixture.drone("d1", at: address)
      let grant = try fixture.grant(one, to: "keyval-drone/d1", token: token(1, 1))
      #expect(try await slow.open(one, grant).refused.isEmpty)
      // More than the sockets and the session's own buffer take.
      let value = [UInt8](repeating: 9, count: 900_000)
      for sequence: UInt64 in 1...24 {
        _ = try await slow.append(
          batch(1, from: sequence, token: token(1, 1), ([UInt8(sequence)], value)), number: sequence)
      }
      slow.pauseReading()
      for number: UInt64 in 100..<106 { slow.send(.open(number: number, grant: grant, partitions: one)) }
      let other = try await fixture.drone("d2", at: address)
      let next = try fixture.grant(two, to: "keyval-drone/d2", token: token(1, 2))
      #expect(try await other.open(two, next).refused.isEmpty)
      let stored = try await other.append(batch(2, from: 1, token: token(1, 2), ([1], [1])), number: 2)
      #expect(
        stored
          == .appended(number: 2, results: [.init(partition: partition(2), result: .stored(through: 1))]))
      slow.resumeReading()
      var entries = 0
      var opened = 0
      while opened < 6 {
        switch try await slow.answer() {
        case .contents(_, _, let part): entries += part.count
        case .opened: opened += 1
        default: break
        }
      }
      #expect(entries == 6 * 24)
    }
    await fixture.stop()
  }

  @Test("a hello says which services there are, and where")
  func hello() async throws {
    let fixture = try await DatabaseFixture.start()
    try await fixture.withDatabase { address in
      let dialer = SessionDialer(cluster: DatabaseFixture.cluster)
      let description = try await dialer.hello(address, on: fixture.group.next())
      #expect(description.role == "database")
      #expect(description.principals == [fixture.database, fixture.command])
      #expect(description.address == "\(address)")
    }
    await fixture.stop()
  }

  @Test("a drone that hands over is told of the end, is served meanwhile, and is named when the wait is over")
  func endsWithout() async throws {
    let fixture = try await DatabaseFixture.start()
    let name = fixture.kerberos.principal("keyval-drone/d1")
    await #expect {
      try await fixture.withService(patience: 3) { address, group in
        let drone = try await fixture.drone("d1", at: address)
        drone.send(.staying)
        // In the order of the session: it has heard that it stays.
        _ = try await drone.append(number: 1)
        await group.triggerGracefulShutdown()
        #expect(try await drone.answer() == .ending)
        #expect(try await drone.append(number: 2) == .appended(number: 2, results: []))
      }
    } throws: { error in
      (error as? NodeError)?.exitStatus == 75 && "\(error)".contains(name)
    }
    await fixture.stop()
  }

  @Test("it ends in order when the drone has gone, and at once for somebody in a hurry")
  func ends() async throws {
    let fixture = try await DatabaseFixture.start()
    try await fixture.withService(patience: 3_600) { address, group in
      let drone = try await fixture.drone("d1", at: address)
      drone.send(.staying)
      _ = try await drone.append(number: 1)
      await group.triggerGracefulShutdown()
      #expect(try await drone.answer() == .ending)
      drone.close()
    }
    let hurry = Hurry()
    await #expect(throws: NodeError.self) {
      try await fixture.withService(patience: 3_600, hurry: hurry) { address, group in
        let drone = try await fixture.drone("d1", at: address)
        // The node knows of the session.
        _ = try await drone.append(number: 1)
        await group.triggerGracefulShutdown()
        #expect(try await drone.answer() == .ending)
        hurry.now()
      }
    }
    await fixture.stop()
  }

  @Test("a store that others may read keeps the node from starting, with a sentence that says what to do")
  func exposedStore() async throws {
    let fixture = try await DatabaseFixture.start()
    try await fixture.withDatabase { _ in }
    let file = fixture.kerberos.path("db1/keyval.sqlite")
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
    do {
      try await fixture.withDatabase { _ in }
      Issue.record("it started")
    } catch let error as NodeError {
      #expect("\(error)".contains("chmod go= \(file)"))
    }
    await fixture.stop()
  }
}
