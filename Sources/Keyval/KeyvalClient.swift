import Cluster
import Cryptography
import Kerberos
import NIOCore
import NIOPosix
import Routing
import Synchronization
import Transport
import Wire

/// A client of a Keyval cluster, for any number of tasks at once.
///
/// It asks a seed for the slot map, believes it only with the signature of a certified commander, keeps one
/// authenticated session with each drone that it needs, and gathers the requests of all its callers into one
/// record per flush. Sessions are opened with the caller's Kerberos ticket (`kinit` first), and anew when they
/// are lost or their ticket ends.
///
///     let configuration = try ClientConfiguration.load(path: "client.json")
///     let client = try KeyvalClient(configuration: configuration)
///     try await client.put("greeting", "hello")
///     let greeting = try await client.getString("greeting")
///     client.close()
///
/// **Who it is.** A client is one principal: the one whose ticket it finds first. When the credential cache becomes
/// another's (`kinit` as somebody else), sessions that are open go on as the first one's until they end, and every
/// session to come is refused with ``KeyvalError/otherPrincipal(client:now:cache:)`` until the cache is the first one's
/// again. To be somebody else, make another client.
///
/// **What an error of a write means.** A write has one number in all its attempts, so it is executed at most
/// once, however often it is sent. Every error but ``KeyvalError/outcomeUnknown``,
/// ``KeyvalError/deadlineExceeded(outcomeUnknown:problem:)`` with `outcomeUnknown`, ``KeyvalError/closed`` and
/// `CancellationError` means that it was not executed and will not be.
public final class KeyvalClient: Sendable {
  /// The longest key and the longest value, in bytes.
  public static let maximumKeyLength = Limits.maximumKeyLength
  public static let maximumValueLength = Limits.maximumValueLength

  private let inbox: Inbox
  private let dialer: SessionDialer
  /// In milliseconds.
  private let deadline: Int64
  private let lastID = Atomic<UInt64>(0)

  /// Makes a client. Nothing is dialled yet. Blocks while it reads the anchors' file.
  /// - Parameter eventLoopGroup: one of its event loops runs the client.
  /// - Throws: ``KeyvalError/badConfiguration(_:)``.
  public init(
    configuration: ClientConfiguration,
    eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) throws(KeyvalError) {
    try configuration.check()
    let verifier = ElectionVerifier(anchors: try configuration.readAnchors(), realm: configuration.realm)
    var timing = ClientTiming()
    timing.suspicion = configuration.suspicion.wholeMilliseconds
    let router = ClientRouter.Configuration(
      cluster: configuration.cluster,
      seeds: configuration.seeds.map { .init(principal: $0.principal, endpoint: $0.endpoint) },
      verifier: verifier,
      client: ClientIncarnation(high: SecureRandom.integer(), low: SecureRandom.integer()), timing: timing)
    let dialer = SessionDialer(cluster: configuration.cluster)
    let realm = configuration.realm
    let identity = ClientIdentity(cache: configuration.credentialCache)
    self.dialer = dialer
    deadline = configuration.deadline.wholeMilliseconds
    inbox = Inbox(eventLoop: eventLoopGroup.next()) { eventLoop in
      ClientLoop(
        router: ClientRouter(configuration: router, seed: SecureRandom.integer()), dialer: dialer,
        realm: realm, eventLoop: eventLoop,
        credential: { () throws(KerberosError) in try identity.credential() })
    }
  }

  deinit { inbox.submit(.close) }

  /// Ends all sessions. What is under way fails with ``KeyvalError/closed``, and so does everything after.
  public func close() { inbox.submit(.close) }

  /// Stores a value under a key.
  /// - Parameters:
  ///   - key: from 1 to ``maximumKeyLength`` bytes.
  ///   - value: up to ``maximumValueLength`` bytes; may be empty.
  ///   - level: what has to be true before this returns; nil: what the cluster is configured for.
  /// - Returns: whether the key had a value before; nil, always, for a caller who has no right to get it.
  /// - Throws: ``KeyvalError``, `CancellationError`.
  @discardableResult
  public func put(
    _ key: [UInt8], _ value: [UInt8], level: AcknowledgementLevel? = nil
  ) async throws -> Bool? {
    try check(key)
    guard value.count <= Limits.maximumValueLength else {
      throw KeyvalError.valueTooLong(length: value.count, limit: Limits.maximumValueLength)
    }
    return try await existed(.put(key: key, value: value, level: level))
  }

  /// Stores a value under a key if the key has exactly the value that is expected, as one step that no other write
  /// comes between. Needs the rights to get and to put the key.
  /// - Parameters:
  ///   - key: from 1 to ``maximumKeyLength`` bytes.
  ///   - expected: nil: the key shall have no value.
  ///   - value: up to ``maximumValueLength`` bytes; together with what is expected as much.
  ///   - level: what has to be true before this returns; nil: what the cluster is configured for.
  /// - Returns: whether it was so, and the value is stored now. When not, nothing was changed.
  /// - Throws: ``KeyvalError``, `CancellationError`.
  @discardableResult
  public func compareAndPut(
    _ key: [UInt8], expected: [UInt8]?, _ value: [UInt8], level: AcknowledgementLevel? = nil
  ) async throws -> Bool {
    try check(key)
    let length = value.count + (expected?.count ?? 0)
    guard length <= Limits.maximumValueLength else {
      throw KeyvalError.valueTooLong(length: length, limit: Limits.maximumValueLength)
    }
    let operation = ClientOperation.compareAndPut(key: key, expected: expected, value: value, level: level)
    guard case .outcome(.compared(let matched)) = try await perform(operation) else {
      throw KeyvalError.outcomeUnknown
    }
    return matched
  }

  /// The value of a key, nil if it has none.
  /// - Throws: ``KeyvalError``, `CancellationError`.
  public func get(_ key: [UInt8]) async throws -> [UInt8]? {
    try check(key)
    guard case .value(let value) = try await perform(.get(key: key)) else { return nil }
    return value
  }

  /// The value of a key and its version, nil if it has none. No other value of this key ever has that version. It comes
  /// when what it tells is secured, so that neither is lost and given again.
  /// - Throws: ``KeyvalError``, `CancellationError`.
  public func getVersion(_ key: [UInt8]) async throws -> VersionedValue? {
    try check(key)
    guard case .versioned(let value) = try await perform(.read(.getVersion, key: key)) else { return nil }
    return value
  }

  /// Removes a key.
  /// - Returns: whether it had a value; nil, always, for a caller who has no right to get it.
  /// - Throws: ``KeyvalError``, `CancellationError`.
  @discardableResult
  public func delete(_ key: [UInt8], level: AcknowledgementLevel? = nil) async throws -> Bool? {
    try check(key)
    return try await existed(.delete(key: key, level: level))
  }

  private func existed(_ operation: ClientOperation) async throws -> Bool? {
    guard case .outcome(.written(let existed)) = try await perform(operation) else {
      throw KeyvalError.outcomeUnknown
    }
    return existed
  }

  /// Where a key lives, by the newest slot map that the client has.
  /// - Throws: ``KeyvalError``, `CancellationError`.
  public func locate(_ key: [UInt8]) async throws -> Location {
    try check(key)
    guard case .location(let location) = try await perform(.locate(key: key)) else {
      return Location(slot: Slot(key: key), owner: nil)
    }
    return location
  }

  /// The state of the cluster, asked of the commander that the signed slot map names.
  /// - Throws: ``KeyvalError``, `CancellationError`.
  public func status() async throws -> ClusterStatus {
    guard case .status(let status) = try await perform(.status) else {
      throw KeyvalError.deadlineExceeded(outcomeUnknown: false, problem: nil)
    }
    return status
  }

  /// Gives the commander an operator's order.
  /// - Parameter name: of the drone that it concerns; empty where it concerns none.
  /// - Throws: ``KeyvalError``, `CancellationError`.
  public func administer(_ order: AdministratorOrder, _ name: String) async throws -> AdministratorReply {
    guard case .administered(let reply) = try await perform(.administer(order, name: name)) else {
      throw KeyvalError.deadlineExceeded(outcomeUnknown: true, problem: nil)
    }
    return reply
  }

  /// The sessions that a drone has accepted, in order of number. Takes the right to administer, and no commander.
  /// - Parameters:
  ///   - drone: its name; the slot map or the configuration says where it is.
  ///   - number: of the last one that is known already. A page has up to ``SessionPage/limit``.
  /// - Throws: ``KeyvalError``, `CancellationError`.
  public func sessions(of drone: String, after number: UInt64 = 0) async throws -> SessionPage {
    guard case .sessions(let page) = try await perform(.sessions(.list(after: number), drone: drone)) else {
      throw KeyvalError.deadlineExceeded(outcomeUnknown: false, problem: nil)
    }
    return page
  }

  /// Ends a session of a drone, by its number. Takes the right to administer, and no commander.
  /// - Throws: ``KeyvalError``, `CancellationError`.
  public func endSession(_ number: UInt64, of drone: String) async throws -> AdministratorReply {
    try await endSessions(.end(number), of: drone)
  }

  /// Ends every session of a principal with a drone, but for this client's own.
  /// - Throws: ``KeyvalError``, `CancellationError`.
  public func endSessions(by principal: Principal, of drone: String) async throws -> AdministratorReply {
    try await endSessions(.endAll(of: principal), of: drone)
  }

  private func endSessions(_ order: SessionOrder, of drone: String) async throws -> AdministratorReply {
    guard case .administered(let reply) = try await perform(.sessions(order, drone: drone)) else {
      throw KeyvalError.deadlineExceeded(outcomeUnknown: true, problem: nil)
    }
    return reply
  }

  /// The names of the drones that the newest slot map has.
  /// - Throws: ``KeyvalError``, `CancellationError`.
  public func drones() async throws -> [String] {
    guard case .drones(let names) = try await perform(.drones) else {
      throw KeyvalError.deadlineExceeded(outcomeUnknown: false, problem: nil)
    }
    return names
  }

  /// What the node at an address says of itself. Needs no ticket, and proves nothing.
  /// - Throws: ``KeyvalError/noReachableNode(tried:problem:)``, ``KeyvalError/refused(by:reason:)``.
  public func hello(_ endpoint: Endpoint) async throws(KeyvalError) -> NodeHello {
    try await Self.hello(endpoint, dialer: dialer, eventLoop: inbox.eventLoop)
  }

  /// The same without a client: for somebody who does not know the cluster yet.
  public static func hello(
    _ endpoint: Endpoint, eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) async throws(KeyvalError) -> NodeHello {
    try await hello(endpoint, dialer: SessionDialer(cluster: ""), eventLoop: eventLoopGroup.next())
  }

  private static func hello(
    _ endpoint: Endpoint, dialer: SessionDialer, eventLoop: any EventLoop
  ) async throws(KeyvalError) -> NodeHello {
    do throws(TransportError) {
      let address = NodeAddress(host: endpoint.host, port: Int(endpoint.port))
      return NodeHello(try await dialer.hello(address, on: eventLoop))
    } catch {
      if case .session(.refused(let refusal)) = error {
        throw .refused(by: endpoint.description, reason: refusal.sentence)
      }
      throw .noReachableNode(tried: [endpoint.description], problem: error.description)
    }
  }

  private func check(_ key: [UInt8]) throws(KeyvalError) {
    guard !key.isEmpty else { throw .keyEmpty }
    guard key.count <= Limits.maximumKeyLength else {
      throw .keyTooLong(length: key.count, limit: Limits.maximumKeyLength)
    }
  }

  private func perform(_ operation: ClientOperation) async throws -> ClientReply {
    let id = lastID.wrappingAdd(1, ordering: .relaxed).newValue
    let deadline = ClientClock.now() + deadline
    return try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        inbox.submit(.request(id: id, operation, deadline: deadline, continuation))
        // A task that was cancelled before has had its handler called before there was a request.
        if Task.isCancelled { inbox.submit(.cancel(id: id)) }
      }
    } onCancel: {
      inbox.submit(.cancel(id: id))
    }
  }
}

extension KeyvalClient {
  /// Stores text under a key, both as UTF-8.
  @discardableResult
  public func put(_ key: String, _ value: String, level: AcknowledgementLevel? = nil) async throws -> Bool? {
    try await put([UInt8](key.utf8), [UInt8](value.utf8), level: level)
  }

  /// The value of a key, nil if it has none.
  public func get(_ key: String) async throws -> [UInt8]? { try await get([UInt8](key.utf8)) }

  /// The value of a key as text, nil if it has none or is not UTF-8.
  public func getString(_ key: String) async throws -> String? {
    try await get(key).flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// Removes a key.
  @discardableResult
  public func delete(_ key: String, level: AcknowledgementLevel? = nil) async throws -> Bool? {
    try await delete([UInt8](key.utf8), level: level)
  }

  /// Where a key lives.
  public func locate(_ key: String) async throws -> Location { try await locate([UInt8](key.utf8)) }
}

extension Duration {
  /// Rounded up, at least 1.
  fileprivate var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    return max(1, seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
