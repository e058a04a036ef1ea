import NIOCore
import Sessions
import Testing

@testable import Transport

/// What operators see and do.
@Suite("The register of sessions", .timeLimit(.minutes(2)))
struct SessionRegisterTests {
  private static func all(_ service: TestService, after id: UInt64 = 0, limit: Int = 100) async throws -> (
    entries: [SessionRegister.Entry], hasMore: Bool
  ) {
    try await service.listener.register.list(after: id, limit: limit, on: TestService.group.next()).get()
  }

  /// All of them, once they are as they are meant to be.
  private static func all(
    _ service: TestService, when isMeant: ([SessionRegister.Entry]) -> Bool
  ) async throws -> [SessionRegister.Entry] {
    for _ in 0..<20_000 {
      let entries = try await all(service).entries
      if isMeant(entries) { return entries }
      try await Task.sleep(for: .milliseconds(1))
    }
    throw NeverSo()
  }

  private struct NeverSo: Error {}

  @Test("it shows each session with its principal, address and what waits for it, and none that is over")
  func list() async throws {
    var limits = SessionLimits.unhurried
    limits.writeTime = .seconds(600)
    let service = try await TestService.start(
      limits: limits,
      handler: { journal, _ in
        let handler = JournalHandler.echo(journal)
        let echo = handler.onReceived
        handler.onReceived = { messages, session in
          session.requests += 1
          echo(messages, session)
        }
        return handler
      }, configure: { $0.isNode = { $0.peer.hasPrefix("keyval-drone/") } })
    let alice = try await service.dial()
    for _ in 0..<3 { #expect(try await alice.echoes([TestClient.message(1)])) }
    let node = try await service.dial(as: "keyval-drone/d2", limits: limits)
    node.session.execute { $0.pauseReading() }
    // More than the kernel takes.
    for number in 0..<160 { node.send([TestClient.message(number, length: 1 << 18)]) }
    let entries = try await Self.all(service) { $0.count == 2 && $0[1].unsentBytes > 0 }
    #expect(
      entries.map(\.principal) == [
        service.realm.principal("alice"), service.realm.principal("keyval-drone/d2"),
      ])
    #expect(entries.map(\.isNode) == [false, true])
    #expect(entries[0].requests == 3 && entries[0].unsentBytes == 0)
    #expect(entries.allSatisfy { $0.address.hasPrefix("127.0.0.1:") && $0.since > 1_700_000_000 })
    #expect(entries[0].address != entries[1].address)
    alice.session.close()
    try await service.journal.first(\.isClosed)
    _ = try await Self.all(service) { $0.count == 1 }
    await service.listener.close()
  }

  @Test("it shows them in pages, in order")
  func pages() async throws {
    let service = try await TestService.start()
    for _ in 0..<5 { #expect(try await service.dial().echoes([TestClient.message(1)])) }
    let first = try await Self.all(service, limit: 2)
    let second = try await Self.all(service, after: first.entries.last?.id ?? 0, limit: 2)
    let third = try await Self.all(service, after: second.entries.last?.id ?? 0, limit: 2)
    #expect([first, second, third].map(\.hasMore) == [true, true, false])
    let ids = [first, second, third].flatMap { $0.entries.map(\.id) }
    #expect(ids.count == 5 && ids == Array(Set(ids)).sorted())
    await service.listener.close()
  }

  @Test("one that is ended by its number is told why, and the others go on")
  func end() async throws {
    let service = try await TestService.start()
    let (one, other) = (try await service.dial(), try await service.dial())
    for client in [one, other] { #expect(try await client.echoes([TestClient.message(1)])) }
    let id = try #require(try await Self.all(service).entries.first?.id)
    let register = service.listener.register
    #expect(register.end(id) == service.realm.principal("alice"))
    #expect(register.end(.max) == nil)
    #expect(try await one.journal.first(\.isClosed).error == .closedByPeer(.ended))
    #expect(try await other.echoes([TestClient.message(2)]))
    await service.listener.close()
  }

  @Test("all of a principal are ended, those that do not read too, but for the one that asks")
  func endAll() async throws {
    var limits = SessionLimits.unhurried
    (limits.writeTime, limits.unconfirmedTime) = (.seconds(600), .seconds(600))
    let service = try await TestService.start(limits: limits)
    var clients: [TestClient] = []
    for _ in 0..<4 {
      let client = try await service.dial(limits: limits)
      #expect(try await client.echoes([TestClient.message(1)]))
      clients.append(client)
    }
    let bystander = try await service.dial(as: "keyval-drone/d2")
    #expect(try await bystander.echoes([TestClient.message(1)]))
    let deaf = clients[3]
    deaf.session.execute { $0.pauseReading() }
    for number in 0..<160 { deaf.send([TestClient.message(number, length: 1 << 18)]) }
    let asking = try #require(try await Self.all(service).entries.first?.id)
    let register = service.listener.register
    #expect(register.endAll(of: service.realm.principal("alice"), but: asking) == 3)
    #expect(register.endAll(of: service.realm.principal("nobody"), but: 0) == 0)
    for client in clients[1...2] {
      #expect(try await client.journal.first(\.isClosed).error == .closedByPeer(.ended))
    }
    // Also the one that takes nothing of what it is told.
    _ = try await Self.all(service) { $0.count == 2 }
    for client in [clients[0], bystander] { #expect(try await client.echoes([TestClient.message(2)])) }
    await service.listener.close()
  }
}
