import NIOCore
import Sessions
import Synchronization
import Testing
import Transport
import Wire

@Suite("Sessions over TCP", .timeLimit(.minutes(2)))
struct SessionTests {
  @Test("both sides know who the other is")
  func identities() async throws {
    let service = try await TestService.start()
    let client = try await service.dial()
    #expect(client.session.identity.peer == service.principal)
    #expect(client.session.identity.local == service.realm.principal("alice"))
    let opened = try await service.journal.first { if case .opened = $0 { true } else { false } }
    guard case .opened(let session) = opened else { return }
    #expect(session.identity.peer == service.realm.principal("alice"))
    #expect(session.identity.transcriptHash == client.session.identity.transcriptHash)
    await service.listener.close()
  }

  @Test("many requests of one flush share a record, and so do their answers")
  func oneRecord() async throws {
    let service = try await TestService.start()
    let proxy = try await TamperingProxy.start(to: service.address)
    let client = try await service.dial(at: proxy.address)
    let messages = (0..<200).map { TestClient.message($0) }
    #expect(try await client.echoes(messages))
    #expect(service.journal.events.filter { if case .received = $0 { true } else { false } }.count == 1)
    // Handshake frames: two to the acceptor, one to the initiator.
    #expect(proxy.frames(.toAcceptor).count == 2 + 1)
    #expect(proxy.frames(.toInitiator).count == 1 + 1)
    await service.listener.close()
  }

  @Test("several flushes in flight come back in order")
  func inFlight() async throws {
    let service = try await TestService.start()
    let client = try await service.dial()
    let rounds = (0..<50).map { round in (0..<10).map { TestClient.message(round * 10 + $0) } }
    for round in rounds.dropLast() { client.send(round) }
    let expected = rounds.flatMap { $0.flatMap { $0 } }
    client.send(rounds[49])
    try await client.journal.received(bytes: expected.count)
    #expect(client.received == expected)
    await service.listener.close()
  }

  @Test("more than a record's worth is split between messages, and one that is too large is refused")
  func largeMessages() async throws {
    let service = try await TestService.start()
    let client = try await service.dial()
    #expect(try await client.echoes((0..<5).map { TestClient.message($0, length: 700_000) }))
    let limit = RecordLimits().contentBytes
    let largest = [UInt8](TestClient.message(1, length: limit - 7))
    #expect(largest.count == limit)
    #expect(try await client.echoes([largest]))
    let refused = Journal<SessionError?>()
    client.session.execute { session in
      do throws(SessionError) {
        try session.write(messages: largest + [0])
        refused.append(nil)
      } catch { refused.append(error) }
    }
    #expect(try await refused.first { _ in true } == .messageTooLarge(length: limit + 1, limit: limit))
    #expect(try await client.echoes([TestClient.message(3)]))
    await service.listener.close()
  }

  @Test("what is gathered can be thrown away before it is sealed")
  func discard() async throws {
    let service = try await TestService.start()
    let client = try await service.dial()
    let (kept, dropped) = (TestClient.message(1), TestClient.message(2))
    client.session.execute { session in
      try? session.write(messages: dropped)
      session.discardGathered()
      try? session.write(messages: kept)
      session.flush()
    }
    try await client.journal.received(bytes: kept.count)
    #expect(client.received == kept)
    await service.listener.close()
  }

  @Test("keys change under traffic, in both directions")
  func keyUpdates() async throws {
    var limits = SessionLimits.unhurried
    limits.records.recordsPerKey = 8
    limits.records.recordsBeforeKeyUpdate = 4
    let service = try await TestService.start(limits: limits)
    let client = try await service.dial(limits: limits)
    for round in 0..<40 { #expect(try await client.echoes([TestClient.message(round)])) }
    await service.listener.close()
  }

  @Test("a listener that closes tells its sessions so")
  func listenerCloses() async throws {
    let service = try await TestService.start()
    let client = try await service.dial()
    // The acceptor's session stands a moment after the initiator's.
    try await service.journal.first { if case .opened = $0 { true } else { false } }
    await service.listener.close()
    let closed = try await client.journal.first(\.isClosed)
    #expect(closed.error == .closedByPeer(.shuttingDown))
    await #expect(throws: TransportError.self) { try await service.dial() }
  }

  @Test("what was written before a close arrives before it")
  func writtenBeforeClose() async throws {
    let service = try await TestService.start()
    let client = try await service.dial()
    let message = TestClient.message(7, length: 300_000)
    client.session.execute { session in
      try? session.write(messages: message)
      session.close()
    }
    let closed = try await service.journal.first(\.isClosed)
    #expect(closed.error == .closedByPeer(.finished))
    let received = service.journal.events.compactMap { event in
      if case .received(let bytes) = event { bytes } else { nil }
    }
    #expect(received == [message])
    let own = try await client.journal.first(\.isClosed)
    #expect(own.error == nil)
    await service.listener.close()
  }

  @Test("a peer that is not wanted here is told so after it proved who it is")
  func notAuthorized() async throws {
    let alice = try TestRealm.shared.principal("alice")
    let service = try await TestService.start { journal, identity in
      identity.peer == alice ? nil : JournalHandler.echo(journal)
    }
    let refused = try await service.dial()
    let closed = try await refused.journal.first(\.isClosed)
    #expect(closed.error == .closedByPeer(.notAuthorized))
    let drone = try await service.dial(as: "keyval-drone/d2")
    #expect(try await drone.echoes([TestClient.message(1)]))
    await service.listener.close()
  }

  @Test("a handler that paused gets what came meanwhile when it resumes")
  func pauseAndResume() async throws {
    let service = try await TestService.start { journal, _ in
      let handler = JournalHandler.echo(journal)
      let echo = handler.onReceived
      nonisolated(unsafe) var isFirst = true
      handler.onReceived = { messages, session in
        echo(messages, session)
        guard isFirst else { return }
        isFirst = false
        session.pauseReading()
        let reference = SessionReference(session)
        // Comes after everything of this turn of the loop.
        reference.eventLoop.execute { reference.execute { $0.resumeReading() } }
      }
      return handler
    }
    let client = try await service.dial()
    for number in 0..<20 { client.send([TestClient.message(number)]) }
    #expect(try await client.echoes([TestClient.message(99)]) || !client.received.isEmpty)
    let expected = ((0..<20).map { TestClient.message($0) } + [TestClient.message(99)]).flatMap { $0 }
    try await client.journal.received(bytes: expected.count)
    #expect(client.received == expected)
    await service.listener.close()
  }

  @Test("a peer that sends without reading is not read from, until it reads")
  func backPressure() async throws {
    var limits = SessionLimits.unhurried
    limits.unsentBytes = 1 << 20
    // How long this takes is the machine's affair.
    limits.unconfirmedTime = .seconds(600)
    limits.writeTime = .seconds(600)
    let service = try await TestService.start(limits: limits)
    let client = try await service.dial(limits: limits)
    let bystander = try await service.dial(as: "keyval-drone/d2")
    client.session.execute { session in session.pauseReading() }
    let blocks = 64
    for number in 0..<blocks { client.send([TestClient.message(number, length: 1 << 19)]) }
    try await service.journal.first { if case .writability(false) = $0 { true } else { false } }
    for number in 0..<50 { #expect(try await bystander.echoes([TestClient.message(number)])) }
    // What fits between the two: this side's limit and the buffers of the kernel.
    let large = service.journal.events.filter { event in
      if case .received(let bytes) = event { bytes.count > 1 << 19 } else { false }
    }
    #expect(large.count < blocks)
    client.session.execute { session in session.resumeReading() }
    let expected = (0..<blocks).reduce(0) { $0 + TestClient.message($1, length: 1 << 19).count }
    try await client.journal.received(bytes: expected)
    #expect(client.received.count == expected)
    await service.listener.close()
  }

  @Test("one listener serves several services, each with its own policy")
  func severalServices() async throws {
    let realm = try TestRealm.shared
    let journal = Journal<SessionIdentity>()
    let services = try [("keyval-database/db1", AcceptorPolicy.standard), ("keyval-command/db1", .command)]
      .map {
        (name, policy) in
        let credential = try realm.acceptor(name)
        return SessionListener.Service(principal: realm.principal(name), policy: policy) { credential }
      }
    let listener = try await SessionListener.bind(
      to: NodeAddress(host: "127.0.0.1", port: 0), group: TestService.group,
      configuration: SessionListener.Configuration(
        cluster: "demo", services: services, logger: TestService.logger,
        describe: { TestService.description(realm, "keyval-database/db1") })
    ) { identity, _ in
      journal.append(identity)
      return JournalHandler(Journal())
    }
    for (service, ticket) in [
      ("keyval-database/db1", try realm.initiator("keyval-drone/d1")),
      ("keyval-command/db1", try realm.commanderTicket(term: 11, service: "keyval-command/db1")),
    ] {
      let session = try await TestService.dialer().dial(
        realm.principal(service), at: listener.address, on: TestService.group.next(),
        credential: { ticket }, handler: { _, _ in JournalHandler(Journal()) })
      let accepted = try await journal.first { $0.transcriptHash == session.identity.transcriptHash }
      #expect(accepted.service == realm.principal(service))
      #expect(accepted.peer == ticket.principal)
    }
    await listener.close()
  }
}
