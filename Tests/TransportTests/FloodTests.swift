import Glibc
import Logging
import NIOCore
import NIOPosix
import Sessions
import Synchronization
import Testing

@testable import Transport

/// Floods of connections that never become sessions. An honest one from the very same address gets through.
@Suite("Floods before a session", .timeLimit(.minutes(2)))
struct FloodTests {
  /// Few places, and time enough that none is given back by itself.
  private static func few() -> SessionLimits {
    var limits = SessionLimits.unhurried
    limits.unauthenticatedConnections = 16
    limits.unauthenticatedConnectionsPerSource = 8
    limits.unauthenticatedMemberConnections = 8
    limits.firstFrameTime = .seconds(60)
    limits.handshakeTime = .seconds(60)
    return limits
  }

  /// Does something over and over, several at once, until `body` is through.
  private func during(
    _ attack: @escaping @Sendable () async throws -> Void, _ body: () async throws -> Void
  ) async throws {
    let attackers = (0..<4).map { _ in
      Task { while !Task.isCancelled { try await attack() } }
    }
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    for attacker in attackers { attacker.cancel() }
    for attacker in attackers { _ = await attacker.result }
    try result.get()
  }

  @Test("half-open connections that take every place shut nobody out: a newcomer displaces the oldest")
  func halfOpen() async throws {
    let service = try await TestService.start(limits: Self.few())
    let session = try await service.dial()
    var silent: [RawConnection] = []
    for _ in 0..<24 { silent.append(try await RawConnection.open(service.address)) }
    for _ in 0..<4 { #expect(try await service.dial().echoes([TestClient.message(1)])) }
    #expect(try await session.echoes([TestClient.message(2)]))
    // They were told why. (Which are the oldest is the census's to say: loops take them in in their own time.)
    var displaced: [RawConnection] = []
    while displaced.count < 16 {
      displaced = silent.filter { $0.journal.events.contains(where: \.isClosed) }
      try await Task.sleep(for: .milliseconds(1))
    }
    for connection in displaced {
      #expect(connection.received.dropFirst(4).prefix(3) == [0x84, 0x05, 0x08])
    }
    await service.listener.close()
  }

  @Test("a flood of half-open connections that goes on shuts nobody out")
  func flood() async throws {
    let service = try await TestService.start(limits: Self.few())
    let opened = Atomic(0)
    try await during {
      _ = try await RawConnection.open(service.address)
      opened.add(1, ordering: .relaxed)
    } _: {
      // Until the flood has filled every place several times over.
      while opened.load(ordering: .relaxed) < 64 { try await Task.sleep(for: .milliseconds(1)) }
      for number in 0..<8 {
        let hasPassed = try await service.eventuallyEchoes()
        #expect(hasPassed, "\(number)")
      }
    }
    await service.listener.close()
  }

  @Test("places are kept for the addresses of nodes: a flood from elsewhere displaces none of theirs")
  func members() async throws {
    let members = MemberAddresses()
    let service = try await TestService.start(
      limits: Self.few(),
      configure: { configuration in
        configuration.members = members
        configuration.isNode = { $0.peer.hasPrefix("keyval-drone/") }
      })
    #expect(!members.contains(Source(try SocketAddress(ipAddress: "127.0.0.1", port: 1))))
    #expect(try await service.dial(as: "keyval-drone/d2").echoes([TestClient.message(1)]))
    #expect(members.contains(Source(try SocketAddress(ipAddress: "127.0.0.1", port: 1))))
    let waiting = try await RawConnection.open(service.address)
    // One of each, so that the oldest of all would have to go.
    for number in 2..<26 { _ = try await open(from: "127.0.0.\(number)", to: service.address) }
    #expect(try await service.dial().echoes([TestClient.message(1)]))
    #expect(waiting.channel.isActive)
    await service.listener.close()
  }

  private func open(from host: String, to address: NodeAddress) async throws -> any Channel {
    try await ClientBootstrap(group: TestService.group)
      .bind(to: SocketAddress(ipAddress: host, port: 0))
      .connect(host: address.host, port: address.port).get()
  }

  @Test("a connection that says nothing has a second, not the time of a handshake", arguments: [0, 3, 100])
  func firstFrame(bytes: Int) async throws {
    var limits = SessionLimits.unhurried
    limits.firstFrameTime = .milliseconds(200)
    limits.handshakeTime = .seconds(600)
    let service = try await TestService.start(limits: limits)
    let raw = try await RawConnection.open(service.address)
    // Half of a first frame is none.
    if bytes > 0 { raw.send([0, 0, 2] + [UInt8](repeating: 0, count: bytes - 3)) }
    try await raw.journal.first(\.isClosed)
    #expect(try await service.eventuallyEchoes())
    await service.listener.close()
  }

  @Test("bad handshakes by the thousand, one thread for them all, shut nobody out")
  func badTokens() async throws {
    var limits = SessionLimits.unhurried
    limits.waitingStepsPerSource = 8
    let threads = SecurityContextThreads(accepting: 1, initiating: 2, limits: limits)
    let service = try await TestService.start(limits: limits, configure: { $0.threads = threads })
    // An honest first flight, which costs the acceptor the opening of a ticket each time it is sent again.
    let proxy = try await TamperingProxy.start(to: service.address)
    #expect(try await service.dial(at: proxy.address).echoes([TestClient.message(1)]))
    let flight = try #require(proxy.frames(.toAcceptor).first)
    let sent = Atomic(0)
    try await during {
      let raw = try await RawConnection.open(service.address)
      raw.send(flight)
      sent.add(1, ordering: .relaxed)
    } _: {
      while sent.load(ordering: .relaxed) < 64 { try await Task.sleep(for: .milliseconds(1)) }
      for number in 0..<8 {
        let hasPassed = try await service.eventuallyEchoes()
        #expect(hasPassed, "\(number)")
      }
    }
    await service.listener.close()
    await threads.shutDown()
  }

  @Test("who has no ticket connects to nobody")
  func noTicket() async throws {
    let realm = try TestRealm.shared
    let accepted = Atomic(0)
    let server = try await ServerBootstrap(group: TestService.group)
      .childChannelInitializer { channel in
        accepted.add(1, ordering: .relaxed)
        return channel.eventLoop.makeSucceededVoidFuture()
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let address = NodeAddress(host: "127.0.0.1", port: try #require(server.localAddress?.port))
    await #expect(throws: TransportError.self) {
      try await TestService.dialer().dial(
        realm.principal("keyval-drone/d1"), at: address, on: TestService.group.next(),
        credential: realm.noTicket, handler: { _, _ in nil })
    }
    // The probe that comes after it is the first.
    _ = try await RawConnection.open(address)
    try await server.close()
    #expect(accepted.load(ordering: .relaxed) <= 1)
  }

  @Test("without a free descriptor a listener pauses, says so once, makes room and goes on")
  func acceptPause() async throws {
    let lines = Journal<String>()
    var limits = Self.few()
    limits.acceptPause = .milliseconds(50)
    let service = try await TestService.start(
      limits: limits, configure: { $0.logger = Logger(label: "test") { _ in JournalLog(lines) } })
    let silent = try await RawConnection.open(service.address)
    // Accepted after it.
    #expect(try await service.dial().echoes([TestClient.message(1)]))
    let server = service.listener.serverChannel
    let isPaused = try await server.eventLoop.submit { () -> Bool in
      for _ in 0..<1_000 { server.pipeline.fireErrorCaught(IOError(errnoCode: EMFILE, reason: "accept")) }
      return try server.syncOptions?.getOption(.autoRead) == false
    }.get()
    #expect(isPaused)
    // The one that had said nothing has made room.
    try await silent.journal.first(\.isClosed)
    #expect(try await service.eventuallyEchoes())
    try await lines.first { $0.contains("accepting connections again") }
    #expect(lines.events.count { $0.contains("accepting no connections") } == 1)
    await service.listener.close()
  }
}

/// Keeps the lines of a log.
private struct JournalLog: LogHandler {
  let lines: Journal<String>
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]

  init(_ lines: Journal<String>) { self.lines = lines }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { lines.append("\(event.message)") }
}
