import Cluster
import Cryptography
import Foundation
import Kerberos
import KerberosFixture
import Logging
import NIOPosix
import Provisioning
import ServiceLifecycle
import Sessions
import Synchronization
import Transport
import Wire

@testable import Node

/// A realm with an authority to be run, and what its peers need.
final class AuthoritySite: Sendable {
  let fixture: KerberosFixture
  let configuration: NodeConfiguration
  let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  private let people = Mutex<Set<String>>([])
  private let keytabs = Mutex<[Principal: String]>([:])

  init() async throws {
    fixture = try KerberosFixture()
    configuration = try Self.load(fixture, [:])
  }

  func load(overrides: [String: String]) throws -> NodeConfiguration { try Self.load(fixture, overrides) }

  private static func load(
    _ fixture: KerberosFixture, _ overrides: [String: String]
  ) throws -> NodeConfiguration {
    let layout = fixture.realm.layout
    let settings: [String: Any] = [
      "cluster": "demo", "realm": fixture.realmName, "name": fixture.realm.settings.authority,
      "listen": "127.0.0.1:0", "keytab": layout.authorityKeytab, "directory": fixture.path("register"),
      "anchors": layout.anchors, "membership": layout.membershipPublicKey,
      "membership-key": layout.membershipKey,
      "ca": ["certificate": layout.anchors, "key": layout.electionCAKey],
      "administrators": [fixture.principal("alice")], "access": fixture.path("access.acl"),
    ]
    if !FileManager.default.fileExists(atPath: fixture.path("access.acl")) {
      try writeAccess(fixture, "\(fixture.principal("alice")) *\n")
    }
    let file = fixture.path("authority.json")
    for path in [file, "\(file).good"] {
      try JSONSerialization.data(withJSONObject: settings).write(to: URL(fileURLWithPath: path))
    }
    return try NodeConfiguration.load(
      role: .authority, file: file, overrides: overrides, environment: [:])
  }

  private static func writeAccess(_ fixture: KerberosFixture, _ text: String) throws {
    let path = fixture.path("access.acl")
    try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
  }

  /// Says in the configuration's file who the administrators are; nil: it is no JSON for a while.
  func writeAdministrators(_ names: [String]?) throws {
    let file = URL(fileURLWithPath: fixture.path("authority.json"))
    guard let names else { return try Data("{".utf8).write(to: file, options: .atomic) }
    let text = try Data(contentsOf: URL(fileURLWithPath: fixture.path("authority.json.good")))
    var settings = try JSONSerialization.jsonObject(with: text) as? [String: Any] ?? [:]
    settings["administrators"] = names.map(fixture.principal)
    try JSONSerialization.data(withJSONObject: settings).write(to: file, options: .atomic)
  }

  /// Puts another access list in the place of the one that is there.
  func writeAccess(_ text: String) throws { try Self.writeAccess(fixture, text) }

  /// Runs the authority as its process does, until the body has ended.
  func run(_ body: @Sendable (Endpoint) async throws -> Void) async throws {
    let (started, start) = AsyncStream.makeStream(of: Endpoint.self)
    let node = AuthorityNode(configuration: configuration, logger: logger) { start.yield($0) }
    let group = ServiceGroup(services: [node], logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        defer { start.finish() }
        try await group.run()
      }
      for await endpoint in started {
        try await body(endpoint)
        break
      }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
  }

  // MARK: Peers

  /// Drones that have sent their registration.
  func drones(_ names: [String], of authority: Endpoint) async throws -> [AuthorityPeer] {
    var drones: [AuthorityPeer] = []
    for name in names {
      let principal = try Principal(role: .drone, node: name, realm: fixture.realmName)
      let keytab = try keytab(of: principal) { try fixture.addDrone(name) }
      let drone = try await peer(principal, keytab: keytab, of: authority)
      drone.register()
      drones.append(drone)
    }
    return drones
  }

  func database(_ name: String, of authority: Endpoint) async throws -> AuthorityPeer {
    let principal = try Principal(role: .database, node: name, realm: fixture.realmName)
    let keytab = try keytab(of: principal) { try fixture.addDatabase(name) }
    let database = try await peer(principal, keytab: keytab, of: authority)
    database.register()
    return database
  }

  private func keytab(of principal: Principal, _ make: () throws -> String) throws -> String {
    if let known = keytabs.withLock({ $0[principal] }) { return known }
    let made = try make()
    keytabs.withLock { $0[principal] = made }
    return made
  }

  func addUser(_ name: String) throws {
    try fixture.addUser(name)
    _ = people.withLock { $0.insert(name) }
  }

  /// A person's way to the authority.
  func enrollmentClient(_ name: String, of authority: Endpoint) throws -> EnrollmentClient {
    if !people.withLock({ $0.contains(name) }) { try addUser(name) }
    return EnrollmentClient(
      cluster: "demo",
      authority: RegisteredNode(
        principal: try Principal(fixture.realm.authorityPrincipal), endpoint: authority),
      credential: try .fromCache(name: fixture.cache(of: name)))
  }

  func membershipClient(_ name: String, of authority: Endpoint) throws -> MembershipClient {
    if !people.withLock({ $0.contains(name) }) { try addUser(name) }
    return MembershipClient(
      cluster: "demo",
      authority: RegisteredNode(
        principal: try Principal(fixture.realm.authorityPrincipal), endpoint: authority),
      credential: try .fromCache(name: fixture.cache(of: name)))
  }

  func peer(_ principal: Principal, keytab: String, of authority: Endpoint) async throws -> AuthorityPeer {
    let credential = try InitiatorCredential.fromKeytab(keytab: keytab, principal: principal.text)
    return try await peer(principal, credential, of: authority)
  }

  private func peer(
    _ principal: Principal, _ credential: InitiatorCredential, of authority: Endpoint
  ) async throws -> AuthorityPeer {
    let mailbox = Mailbox()
    let session = try await SessionDialer(cluster: "demo").dial(
      fixture.realm.authorityPrincipal,
      at: NodeAddress(host: authority.host, port: Int(authority.port)),
      on: MultiThreadedEventLoopGroup.singleton.next(), credential: { credential },
      handler: { _, _ in MailboxHandler(mailbox) })
    return AuthorityPeer(principal: principal, session: session, mailbox: mailbox)
  }

  // MARK: The KDC

  func commandTicket(certificate: [UInt8], key: P256PrivateKey, term: UInt64) throws -> InitiatorCredential {
    let text = Data(certificate).base64EncodedString(options: [.lineLength64Characters])
    return try OfficeTicket.obtain(
      office: fixture.principal("keyval-commander/\(term)"),
      certificatePEM: Array("-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n".utf8),
      keyPEM: key.pemBytes,
      service: fixture.principal("keyval-command/db1"), armor: nil)
  }

  /// Returns when it is so; the test's time limit ends it otherwise.
  func expiryIsCleared(of principal: Principal) async throws {
    while true {
      let text = try fixture.realm.administer(["getprinc \(principal)"])
      if text.contains("Expiration date: [never]") { return }
      try await Task.sleep(for: .milliseconds(10))
    }
  }
}

/// A session with the authority, as a drone, a database or a person has it.
struct AuthorityPeer: Sendable {
  let principal: Principal
  let session: SessionReference
  let mailbox: Mailbox

  func send(_ message: ControlMessage) {
    session.execute { session in
      try? session.write { message.encode(into: &$0) }
      session.flush()
    }
  }

  func register(accessVersion: UInt64 = 0) {
    let endpoint = Endpoint(host: "127.0.0.1", port: 1)
    send(
      .register(
        Register(
          incarnation: Incarnation(1), endpoint: endpoint, accessVersion: accessVersion, membership: 0)))
  }

  /// The next message of a kind; others before it are passed over.
  func next<Body>(_ pick: (ControlMessage) -> Body?) async throws -> Body {
    while let message = await mailbox.next() {
      if let body = pick(message) { return body }
    }
    throw SessionEnded()
  }

  func registered(_ matches: (Registered) -> Bool) async throws -> Registered {
    try await next { message in
      if case .registered(let registered) = message, matches(registered) { registered } else { nil }
    }
  }

  struct SessionEnded: Error {}
}

/// Messages as they come; one reader.
final class Mailbox: Sendable {
  private let stream: AsyncStream<ControlMessage>
  let continuation: AsyncStream<ControlMessage>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream(of: ControlMessage.self) }

  func next() async -> ControlMessage? {
    for await message in stream { return message }
    return nil
  }
}

private final class MailboxHandler: SessionHandler {
  private let mailbox: Mailbox

  init(_ mailbox: Mailbox) { self.mailbox = mailbox }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    for message in (try? ControlMessage.sequence([UInt8](messages))) ?? [] {
      mailbox.continuation.yield(message)
    }
  }

  func closed(_ session: Session, error: SessionError?) { mailbox.continuation.finish() }
}
