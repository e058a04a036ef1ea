import Kerberos
import Logging
import NIOCore
import NIOPosix
import Sessions
import Synchronization
import Transport
import Wire

/// A listener that echoes, and a dialler for it.
struct TestService {
  let realm: TestRealm
  let listener: SessionListener
  let journal: Journal<SessionEvent>
  let name: String

  static let group = MultiThreadedEventLoopGroup.singleton
  static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  var address: NodeAddress { listener.address }
  var principal: String { realm.principal(name) }

  static func start(
    _ name: String = "keyval-drone/d1", policy: AcceptorPolicy = .standard,
    limits: SessionLimits = .unhurried,
    handler: (@Sendable (Journal<SessionEvent>, SessionIdentity) -> (any SessionHandler)?)? = nil,
    configure: (inout SessionListener.Configuration) -> Void = { _ in }
  ) async throws -> TestService {
    let realm = try TestRealm.shared
    let journal = Journal<SessionEvent>()
    let credential = try realm.acceptor(name)
    let service = SessionListener.Service(principal: realm.principal(name), policy: policy) { credential }
    var configuration = SessionListener.Configuration(
      cluster: "demo", services: [service], logger: logger, describe: { description(realm, name) })
    configuration.limits = limits
    configure(&configuration)
    let listener = try await SessionListener.bind(
      to: NodeAddress(host: "127.0.0.1", port: 0), group: group, configuration: configuration
    ) { identity, _ in handler.map { $0(journal, identity) } ?? JournalHandler.echo(journal) }
    return TestService(realm: realm, listener: listener, journal: journal, name: name)
  }

  static func description(_ realm: TestRealm, _ name: String) -> NodeDescription {
    NodeDescription(
      cluster: "demo", realm: realm.fixture.realmName, principals: [realm.principal(name)], role: "drone",
      softwareVersion: "test", commanderHint: nil, address: "127.0.0.1:6234")
  }

  static func dialer(_ limits: SessionLimits = .unhurried, cluster: String = "demo") -> SessionDialer {
    var dialer = SessionDialer(cluster: cluster)
    dialer.limits = limits
    return dialer
  }

  /// Dials as `user`, by way of `address` where one is given.
  func dial(
    as user: String = "alice", at address: NodeAddress? = nil, limits: SessionLimits = .unhurried,
    cluster: String = "demo", service: String? = nil, ticket: InitiatorCredential? = nil
  ) async throws -> TestClient {
    let credential = try ticket ?? realm.initiator(user)
    let journal = Journal<SessionEvent>()
    let session = try await Self.dialer(limits, cluster: cluster).dial(
      service ?? principal, at: address ?? self.address, on: Self.group.next(), credential: { credential },
      handler: { _, _ in JournalHandler(journal) })
    return TestClient(session: session, journal: journal)
  }
}

extension TestService {
  /// Whether an honest client gets through. It tries again, because a test's limits may be short for a busy
  /// machine, and a connection that was closed is counted out a moment later.
  func eventuallyEchoes() async throws -> Bool {
    for _ in 0..<200 {
      if let client = try? await dial(), try await client.echoes([TestClient.message(3)]) { return true }
    }
    return false
  }
}

extension SessionLimits {
  /// The usual ones, but that nobody is sent away for being slow: the machine may be busy.
  static let unhurried: SessionLimits = {
    var limits = SessionLimits()
    (limits.firstFrameTime, limits.handshakeTime) = (.seconds(60), .seconds(60))
    return limits
  }()
}

struct TestClient {
  let session: SessionReference
  let journal: Journal<SessionEvent>

  static func message(_ number: Int, length: Int = 8) -> [UInt8] {
    var writer = CBORWriter()
    writer.beginArray(2)
    writer.write(unsigned: UInt64(number))
    writer.write(bytes: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: length))
    return writer.bytes
  }

  func send(_ messages: [[UInt8]]) {
    session.execute { session in
      for message in messages { try? session.write(messages: message) }
      session.flush()
    }
  }

  /// Everything received so far.
  var received: [UInt8] {
    journal.events.flatMap { event in if case .received(let bytes) = event { bytes } else { [] as [UInt8] } }
  }

  /// Sends, waits until as many bytes have come back (or the session is over), and says whether they are
  /// the same.
  func echoes(_ messages: [[UInt8]]) async throws -> Bool {
    let before = received.count
    let expected = messages.flatMap { $0 }
    send(messages)
    try await journal.received(bytes: before + expected.count)
    return Array(received.dropFirst(before)) == expected
  }
}

extension Journal<SessionEvent> {
  /// Waits until that many bytes were received in all, or the session is over.
  func received(bytes: Int) async throws {
    let count = Atomic(0)
    try await first { event in
      if case .received(let bytes) = event { count.add(bytes.count, ordering: .relaxed) }
      return event.isClosed || count.load(ordering: .relaxed) >= bytes
    }
  }
}
