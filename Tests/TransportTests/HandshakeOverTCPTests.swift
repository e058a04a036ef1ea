import Kerberos
import NIOCore
import Sessions
import Testing
import Transport

@Suite("The handshake over TCP", .timeLimit(.minutes(2)))
struct HandshakeOverTCPTests {
  private func failure(_ body: () async throws -> TestClient) async -> TransportError? {
    do {
      _ = try await body()
      return nil
    } catch { return error as? TransportError }
  }

  private func refusal(_ error: TransportError?) -> Refusal? {
    guard case .session(.refused(let refusal)) = error else { return nil }
    return refusal
  }

  @Test("without a ticket a node still says who it is, and a dial says that there is no ticket")
  func noTicket() async throws {
    let service = try await TestService.start()
    let description = try await TestService.dialer().hello(service.address, on: TestService.group.next())
    #expect(description == TestService.description(service.realm, "keyval-drone/d1"))
    do {
      try await TestService.dialer().dial(
        service.principal, at: service.address, on: TestService.group.next(),
        credential: { () throws(KerberosError) in try service.realm.noTicket() },
        handler: { _, _ in nil })
      Issue.record("dialled without a ticket")
    } catch {
      guard case .kerberos(let error) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(error.reason == .noTicket)
    }
    await service.listener.close()
  }

  @Test("another cluster is refused by name")
  func wrongCluster() async throws {
    let service = try await TestService.start()
    let error = await failure { try await service.dial(cluster: "prod") }
    #expect(refusal(error)?.code == .wrongCluster)
    #expect(refusal(error)?.description.cluster == "demo")
    await service.listener.close()
  }

  @Test("a principal that is not there is refused, though it exists")
  func wrongPrincipal() async throws {
    let service = try await TestService.start()
    let error = await failure { try await service.dial(service: service.realm.principal("keyval-drone/d2")) }
    #expect(refusal(error)?.code == .unknownService)
    await service.listener.close()
  }

  @Test("a principal that the KDC does not know is the dialler's error")
  func unknownPrincipal() async throws {
    let service = try await TestService.start()
    let error = await failure { try await service.dial(service: service.realm.principal("keyval-drone/d99")) }
    guard case .kerberos(let kerberos) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(kerberos.reason == .serviceUnknown)
    await service.listener.close()
  }

  @Test("a node does not open a session with itself")
  func selfDial() async throws {
    let service = try await TestService.start()
    let error = await failure { try await service.dial(as: "keyval-drone/d1") }
    #expect(refusal(error)?.code == .contextRefused)
    await service.listener.close()
  }

  @Test("a drone gets no ticket for the command service")
  func commandTicket() async throws {
    let service = try await TestService.start("keyval-command/db1", policy: .command)
    let error = await failure { try await service.dial(as: "keyval-drone/d1") }
    guard case .kerberos(let kerberos) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(kerberos.reason == .policyRejects)
    await service.listener.close()
  }

  @Test("the command policy refuses a ticket without the election's mark, had the KDC given one")
  func commandPolicy() async throws {
    let service = try await TestService.start("keyval-drone/d1", policy: .command)
    let error = await failure { try await service.dial(as: "keyval-drone/d2") }
    #expect(refusal(error)?.code == .notAuthorized)
    await service.listener.close()
  }

  @Test("the command service takes the commander, and the session outlives the ticket's minute")
  func commander() async throws {
    let service = try await TestService.start("keyval-command/db1", policy: .command)
    let ticket = try service.realm.commanderTicket(term: 7, service: "keyval-command/db1")
    let client = try await service.dial(ticket: ticket)
    #expect(client.session.identity.local == service.realm.principal("keyval-commander/7"))
    #expect(try await client.echoes([TestClient.message(1)]))
    let opened = try await service.journal.first { if case .opened = $0 { true } else { false } }
    guard case .opened(let session) = opened else { return }
    #expect(session.identity.authenticationIndicators == ["commander"])
    #expect(!session.identity.endsWithTicket)
    await service.listener.close()
  }

  @Test("a ticket that was got with the election's certificate is refused by every other service")
  func commanderElsewhere() async throws {
    let service = try await TestService.start()
    let ticket = try service.realm.commanderTicket(term: 8, service: "keyval-drone/d1")
    let error = await failure { try await service.dial(ticket: ticket) }
    #expect(refusal(error)?.code == .notAuthorized)
    await service.listener.close()
  }

  @Test("nobody listening is said so, with the address")
  func nobodyThere() async throws {
    let service = try await TestService.start()
    await service.listener.close()
    let error = await failure { try await service.dial() }
    guard case .connectFailed(service.address, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("something else than a node is not waited for")
  func notANode() async throws {
    let service = try await TestService.start()
    let raw = try await RawConnection.open(service.address)
    raw.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
    try await raw.journal.first(\.isClosed)
    #expect(raw.received.isEmpty)
    await service.listener.close()
  }

  @Test(
    "a connection that stays silent, or stops half way, is closed when its time is over",
    arguments: [0, 4, 100])
  func halfOpen(bytes: Int) async throws {
    var limits = SessionLimits.unhurried
    limits.handshakeTime = .milliseconds(200)
    let service = try await TestService.start(limits: limits)
    let raw = try await RawConnection.open(service.address)
    if bytes > 0 { raw.send([0, 0, 2, 0] + [UInt8](repeating: 0, count: bytes - 4)) }
    try await raw.journal.first(\.isClosed)
    #expect(try await service.eventuallyEchoes())
    await service.listener.close()
  }

  @Test("a dial to something that never answers ends when its time is over")
  func silentNode() async throws {
    let service = try await TestService.start()
    let proxy = try await TamperingProxy.start(to: service.address) { _, _, _ in [] }
    var limits = SessionLimits.unhurried
    limits.handshakeTime = .milliseconds(200)
    let error = await failure { [limits] in try await service.dial(at: proxy.address, limits: limits) }
    guard case .session(.timedOut) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    await service.listener.close()
  }

  @Test("connections without a session are capped, and told so", arguments: [true, false])
  func caps(isPerSource: Bool) async throws {
    var limits = SessionLimits.unhurried
    (limits.firstFrameTime, limits.handshakeTime) = (.seconds(20), .seconds(20))
    if isPerSource {
      limits.unauthenticatedConnectionsPerSource = 2
    } else {
      limits.unauthenticatedConnections = 2
    }
    let service = try await TestService.start(limits: limits)
    let session = try await service.dial()
    // Three at once, of which whichever is counted first has to go.
    let refused = Journal<Int>()
    var silent: [RawConnection] = []
    for number in 0..<3 {
      let raw = try await RawConnection.open(service.address) { refused.append(number) }
      silent.append(raw)
    }
    let extra = silent.remove(at: try await refused.first { _ in true })
    #expect(extra.received.dropFirst(4).prefix(3) == [0x84, 0x05, 0x08])
    #expect(refused.events.count == 1)
    // An established session does not count.
    #expect(try await session.echoes([TestClient.message(1)]))
    try await silent[0].channel.close()
    #expect(try await service.eventuallyEchoes())
    await service.listener.close()
  }

  @Test("an oversized frame is refused from its length")
  func oversizedFrame() async throws {
    let service = try await TestService.start()
    let raw = try await RawConnection.open(service.address)
    raw.send([0, 1, 0, 0])
    try await raw.journal.first(\.isClosed)
    #expect(raw.received.isEmpty)
    await service.listener.close()
  }
}
