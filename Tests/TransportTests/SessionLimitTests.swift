import NIOCore
import Sessions
import Synchronization
import Testing

@testable import Transport

/// What authenticated peers can take.
@Suite("Floods of sessions", .timeLimit(.minutes(2)))
struct SessionLimitTests {
  @Test("sessions by the hundred of one principal take its own places only")
  func principal() async throws {
    var limits = SessionLimits.unhurried
    limits.sessionsPerPrincipal = 4
    let service = try await TestService.start(limits: limits)
    var kept: [TestClient] = []
    for _ in 0..<4 { kept.append(try await service.dial()) }
    for client in kept { #expect(try await client.echoes([TestClient.message(1)])) }
    for _ in 0..<20 {
      let extra = try await service.dial()
      #expect(try await extra.journal.first(\.isClosed).error == .closedByPeer(.tooManySessions))
    }
    for client in kept { #expect(try await client.echoes([TestClient.message(2)])) }
    #expect(try await service.dial(as: "keyval-drone/d2").echoes([TestClient.message(3)]))
    // A place that was given back is there again.
    kept[0].session.close()
    #expect(try await service.eventuallyEchoes())
    await service.listener.close()
  }

  @Test(
    "a principal that has all places of an address, or all there are, gives one up for another",
    arguments: [true, false])
  func fair(isPerSource: Bool) async throws {
    var limits = SessionLimits.unhurried
    if isPerSource { limits.sessionsPerSource = 4 } else { limits.sessions = 4 }
    let service = try await TestService.start(limits: limits)
    var greedy: [TestClient] = []
    for _ in 0..<4 {
      let client = try await service.dial()
      #expect(try await client.echoes([TestClient.message(1)]))
      greedy.append(client)
    }
    let honest = try await service.dial(as: "keyval-drone/d2")
    #expect(try await honest.echoes([TestClient.message(1)]))
    #expect(try await greedy[3].journal.first(\.isClosed).error == .closedByPeer(.tooManySessions))
    // What the greedy one opens now is one too many, and displaces nobody.
    let extra = try await service.dial()
    #expect(try await extra.journal.first(\.isClosed).error == .closedByPeer(.tooManySessions))
    #expect(try await honest.echoes([TestClient.message(2)]))
    await service.listener.close()
  }

  @Test("clients that take every place leave those of nodes")
  func nodes() async throws {
    var limits = SessionLimits.unhurried
    (limits.sessions, limits.nodeSessions) = (2, 2)
    let service = try await TestService.start(
      limits: limits, configure: { $0.isNode = { $0.peer.hasPrefix("keyval-drone/") } })
    var clients: [TestClient] = []
    for _ in 0..<2 { clients.append(try await service.dial()) }
    for client in clients { #expect(try await client.echoes([TestClient.message(1)])) }
    for name in ["keyval-drone/d2", "keyval-drone/d3"] {
      #expect(try await service.dial(as: name).echoes([TestClient.message(1)]))
    }
    for client in clients { #expect(try await client.echoes([TestClient.message(2)])) }
    await service.listener.close()
  }

  @Test("sessions that do not read hold no more than the process may; who holds most goes, and nobody else")
  func heldBytes() async throws {
    let held = HeldBytes(limit: 8 << 20)
    var limits = SessionLimits.unhurried
    // Only what they hold ends them.
    (limits.writeTime, limits.unconfirmedTime) = (.seconds(600), .seconds(600))
    // A mebibyte for each message, whatever is said of how much may be gathered.
    let service = try await TestService.start(
      limits: limits,
      handler: { journal, _ in
        let handler = JournalHandler.echo(journal)
        let echo = handler.onReceived
        handler.onReceived = { messages, session in
          guard messages.count > 100 else { return echo(messages, session) }
          for number in 0..<24 {
            try? session.write(messages: TestClient.message(number, length: 1 << 20 - 100))
          }
        }
        return handler
      }, configure: { $0.held = held })
    let honest = try await service.dial(as: "keyval-drone/d2", limits: limits)
    for number in 0..<4 {
      let deaf = try await service.dial(limits: limits)
      deaf.session.execute { $0.pauseReading() }
      deaf.send([TestClient.message(number, length: 200)])
      // One more than before.
      let ended = Atomic(0)
      try await service.journal.first { event in
        if case .closed(.heldTooMuch(let bytes)) = event, bytes > 1 << 20 { ended.add(1, ordering: .relaxed) }
        return ended.load(ordering: .relaxed) > number
      }
      #expect(held.total <= 8 << 20)
      #expect(try await honest.echoes([TestClient.message(number)]))
    }
    await service.listener.close()
    #expect(held.total == 0)
  }

  @Test("records of which only a part comes are held, too, and bounded with the rest")
  func heldParts() async throws {
    let held = HeldBytes(limit: 2 << 20)
    let service = try await TestService.start(configure: { $0.held = held })
    let honest = try await service.dial(as: "keyval-drone/d2")
    let proxy = try await TamperingProxy.start(to: service.address) { direction, number, frame in
      direction == .toAcceptor && number == 2 ? Array(frame.prefix(700_000)) : frame
    }
    for number in 0..<6 {
      try await service.dial(at: proxy.address).send([TestClient.message(number, length: 1_000_000)])
    }
    try await service.journal.first { event in
      if case .closed(.heldTooMuch(let bytes)) = event { bytes > 500_000 } else { false }
    }
    #expect(held.total <= 2 << 20)
    #expect(try await honest.echoes([TestClient.message(99)]))
    await service.listener.close()
  }

  @Test("a record that is begun and not ended ends its session only", arguments: [2, 4, 100])
  func begunRecord(bytes: Int) async throws {
    var limits = SessionLimits.unhurried
    limits.recordTime = .milliseconds(200)
    let service = try await TestService.start(limits: limits)
    let bystander = try await service.dial(as: "keyval-drone/d2")
    let proxy = try await TamperingProxy.start(to: service.address) { direction, number, frame in
      direction == .toAcceptor && number == 2 ? Array(frame.prefix(bytes)) : frame
    }
    let slow = try await service.dial(at: proxy.address)
    slow.send([TestClient.message(5, length: 1000)])
    let closed = try await service.journal.first(\.isClosed)
    #expect(closed.error == .recordTimedOut)
    #expect(try await slow.journal.first(\.isClosed).error == .closedByPeer(.tooSlow))
    #expect(try await bystander.echoes([TestClient.message(2)]))
    await service.listener.close()
  }

  @Test(
    "a record that comes slowly, but whole, is no reason to end a session, nor is one that waits for this side"
  )
  func slowRecords() async throws {
    var limits = SessionLimits.unhurried
    limits.recordTime = .milliseconds(1_500)
    let service = try await TestService.start(limits: limits) { journal, _ in
      let handler = JournalHandler.echo(journal)
      let echo = handler.onReceived
      nonisolated(unsafe) var isFirst = true
      handler.onReceived = { messages, session in
        echo(messages, session)
        guard isFirst else { return }
        isFirst = false
        session.pauseReading()
        let bound = NIOLoopBound(session, eventLoop: session.eventLoop)
        session.eventLoop.scheduleTask(in: .milliseconds(2_000)) { bound.value.resumeReading() }
      }
      return handler
    }
    let client = try await service.dial()
    // Several records, of which the service takes one, and then nothing for longer than a record may take.
    for number in 0..<3 { client.send([TestClient.message(number, length: 1 << 19)]) }
    let expected = (0..<3).flatMap { TestClient.message($0, length: 1 << 19) }
    try await client.journal.received(bytes: expected.count)
    // Not within the expectation, which would look for the difference of megabytes.
    let isSame = client.received == expected
    #expect(isSame)
    await service.listener.close()
  }
}
