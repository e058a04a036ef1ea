import NIOCore
import Sessions
import Testing
import Transport

@Suite("The time of a session", .timeLimit(.minutes(2)))
struct SessionTimeTests {
  @Test("a session is announced to end, and ends, with its time")
  func expiry() async throws {
    var limits = SessionLimits.unhurried
    limits.sessionTime = .milliseconds(600)
    limits.expiryNoticeTime = .milliseconds(400)
    let service = try await TestService.start(limits: limits)
    let client = try await service.dial()
    try await client.journal.first(\.isNotice)
    let closed = try await client.journal.first(\.isClosed)
    #expect(closed.error == .closedByPeer(.ticketExpired))
    let own = try await service.journal.first(\.isClosed)
    #expect(own.error == .ticketExpired)
    let kinds = client.journal.events.filter { $0.isNotice || $0.isClosed }
    #expect(kinds.count == 2 && kinds[0].isNotice)
    await service.listener.close()
  }

  @Test("a session older than its renewal time asks its initiator for another")
  func renewal() async throws {
    let service = try await TestService.start()
    var limits = SessionLimits.unhurried
    limits.renewalTime = .milliseconds(50)
    let client = try await service.dial(limits: limits)
    try await client.journal.first { if case .noticed(.renewalDue) = $0 { true } else { false } }
    #expect(try await client.echoes([TestClient.message(1)]))
    await service.listener.close()
  }

  @Test("an idle session is closed in order")
  func idle() async throws {
    var limits = SessionLimits.unhurried
    limits.idleTime = .milliseconds(200)
    let service = try await TestService.start(limits: limits)
    let client = try await service.dial()
    let closed = try await client.journal.first(\.isClosed)
    #expect(closed.error == .closedByPeer(.idle))
    #expect(try await service.journal.first(\.isClosed).error == .idleTimedOut)
    await service.listener.close()
  }

  @Test("a peer that does not read is stopped for, then given up")
  func writeTimeout() async throws {
    var limits = SessionLimits.unhurried
    limits.writeTime = .milliseconds(300)
    limits.unsentBytes = 1 << 20
    let service = try await TestService.start(limits: limits) { journal, _ in
      let handler = JournalHandler(journal)
      let block = TestClient.message(1, length: 200_000)
      // Outside of the read cycle, where a flush is one.
      handler.onReceived = { _, session in
        let reference = SessionReference(session)
        reference.eventLoop.execute {
          reference.execute { session in fill(session, block) }
        }
      }
      handler.onWritable = { session in fill(session, block) }
      return handler
    }
    let client = try await service.dial()
    client.session.execute { session in session.pauseReading() }
    client.send([TestClient.message(1)])
    try await service.journal.first { if case .writability(false) = $0 { true } else { false } }
    let closed = try await service.journal.first(\.isClosed)
    #expect(closed.error == .writeTimedOut)
    client.session.execute { session in session.resumeReading() }
    try await client.journal.first(\.isClosed)
    await service.listener.close()
  }
}

/// Writes until the network does not keep up.
private func fill(_ session: Session, _ block: [UInt8]) {
  while session.isOpen, session.isWritable {
    try? session.write(messages: block)
    session.flush()
  }
}
