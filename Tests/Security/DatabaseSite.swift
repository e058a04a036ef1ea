import Cluster
import Cryptography
import Foundation
import Kerberos
import KerberosFixture
import Logging
import NIOCore
import NIOPosix
import Node
import Sessions
import Synchronization
import Transport
import Wire

/// A real database node in a realm of its own, an authority that the test plays, and the sealing key, which only
/// a commander and that database know: what it takes to make grants of every kind.
final class DatabaseSite: Sendable {
  let kerberos: KerberosFixture
  let address: NodeAddress
  private let authority: PeerMesh
  private let listener: SessionListener
  private let node: Task<Void, any Error>
  private let offices = Mutex<[UInt64: Commander]>([:])
  private let keytabs = Mutex<[String: String]>([:])

  static let key = SealingKey(identifier: 1, key: SecureRandom.bytes(SealingKey.length))
  var database: String { kerberos.principal("keyval-database/db1") }
  private let inbox: Inbox

  private final class Inbox: Sendable {
    let messages = Mutex<[ControlMessage]>([])

    func take<Value>(_ pick: (ControlMessage) -> Value?) async throws -> Value {
      for _ in 0..<10_000 {
        let messages = messages.withLock { $0 }
        if let value = messages.lazy.compactMap(pick).first { return value }
        try await Task.sleep(for: .milliseconds(1))
      }
      throw Probe.NothingCame(awaited: "a message to the authority")
    }
  }

  /// Started, in term 1, with the sealing key of that term.
  init() async throws {
    kerberos = try KerberosFixture()
    let own = kerberos.realm.authorityPrincipal
    let keytab = kerberos.realm.layout.authorityKeytab
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let inbox = Inbox()
    self.inbox = inbox
    let configuration = PeerMesh.Configuration(dialer: SessionDialer(cluster: "test"), logger: quiet) {
      _ throws(KerberosError) in try .fromKeytab(keytab: keytab, principal: own)
    }
    authority = await PeerMesh.make(on: Probe.group.next(), configuration) { event in
      guard case .received(_, let bytes) = event else { return }
      let messages = (try? ControlMessage.sequence(bytes)) ?? []
      inbox.messages.withLock { $0 += messages }
    }
    let credential = try AcceptorCredential(
      keytab: keytab, principal: own, replayCache: kerberos.path("authority.rcache"))
    let realm = kerberos.realmName
    listener = try await SessionListener.bind(
      to: NodeAddress(host: "127.0.0.1", port: 0), group: Probe.group,
      configuration: .init(
        cluster: "test", services: [.init(principal: own) { () throws(KerberosError) in credential }],
        logger: quiet
      ) {
        NodeDescription(
          cluster: "test", realm: realm, principals: [own], role: "authority", softwareVersion: "test",
          address: "")
      }, handler: authority.acceptingHandler)
    node = try Self.start(kerberos, authority: listener.address, quiet)
    let endpoint = try await inbox.take { message -> Endpoint? in
      if case .register(let register) = message { register.endpoint } else { nil }
    }
    address = NodeAddress(host: endpoint.host, port: Int(endpoint.port))
    let report = try await inbox.take { if case .storeReport(let report) = $0 { report } else { nil } }
    let verdict = StoreVerdict(incarnation: report.incarnation, mark: report.mark, known: nil)
    authority.send(ControlMessage.storeVerdict(verdict).encoded(), to: database)
    authority.send(ControlMessage.membership(try kerberos.membership("test", 1)).encoded(), to: database)
    try await raise(to: 1)
    try await deliverKey()
  }

  private static func start(
    _ kerberos: KerberosFixture, authority: NodeAddress, _ logger: Logger
  ) throws -> Task<Void, any Error> {
    let settings: [String: Any] = [
      "cluster": "test", "realm": kerberos.realmName, "name": "db1", "listen": "127.0.0.1:0",
      "keytab": try kerberos.addDatabase("db1"), "directory": kerberos.path("db1"),
      "anchors": kerberos.realm.layout.anchors,
      "membership": kerberos.realm.layout.membershipPublicKey, "heartbeat": 50,
      "authority": ["principal": kerberos.realm.authorityPrincipal, "address": "\(authority)"],
    ]
    let path = kerberos.path("db1.json")
    try JSONSerialization.data(withJSONObject: settings).write(to: URL(fileURLWithPath: path))
    let configuration = try NodeConfiguration.load(role: .database, file: path, environment: [:])
    return Task { try await DatabaseNode(configuration: configuration, logger: logger).run() }
  }

  func stop() async {
    node.cancel()
    _ = try? await node.value
    authority.shutDown()
    await listener.close()
    kerberos.close()
  }

  // MARK: The authority's and the commander's part

  func raise(to term: UInt64) async throws {
    authority.send(ControlMessage.raiseTerm(RaiseTerm(term: Term(term))).encoded(), to: database)
    try await inbox.take { $0 == .termRaised(TermRaised(term: Term(term))) ? () : nil }
  }

  private func deliverKey() async throws {
    guard let key = Self.key else { throw Probe.NothingCame(awaited: "a sealing key") }
    let commander = try await self.commander(1)
    let delivery = ControlMessage.deliverKey(
      DeliverKey(term: Term(1), identifier: key.identifier, key: key.key))
    commander.send(delivery)
    _ = try await commander.control()
    commander.close()
  }

  /// The command session of a term's commander, got by its certificate.
  /// - Parameter isSilent: whether it does not show the certificate there.
  func commander(_ term: UInt64, isSilent: Bool = false) async throws -> Probe {
    let holder = try offices.withLock { offices in
      if let known = offices[term] { return known }
      let made = try kerberos.appoint(term: term)
      offices[term] = made
      return made
    }
    let service = kerberos.principal("keyval-command/db1")
    let probe = try await Probe.dial(
      service, at: address,
      try OfficeTicket.obtain(
        office: kerberos.officePrincipal(term), certificatePEM: holder.ticketCertificatePEM,
        keyPEM: holder.key.pemBytes, service: service, armor: nil))
    if !isSilent { probe.send(Self.show(holder)) }
    return probe
  }

  static func show(_ holder: Commander) -> ControlMessage {
    .showCertificate(ShowCertificate(certificate: holder.certificate.der))
  }

  // MARK: Drones and grants

  func drone(_ name: String) async throws -> StoreProbe {
    let keytab = try keytabs.withLock { keytabs in
      if let known = keytabs[name] { return known }
      let made = try kerberos.addDrone(name)
      keytabs[name] = made
      return made
    }
    let probe = try await Probe.dial(
      database, at: address,
      .fromKeytab(keytab: keytab, principal: kerberos.principal("keyval-drone/\(name)")))
    return StoreProbe(probe)
  }

  /// A grant, right in everything that is not said to be otherwise.
  func grant(
    _ partitions: PartitionSet, to drone: String = "d1", _ token: FencingToken, incarnation: UInt64 = 5,
    cluster: String = "test", database: String = "keyval-database/db1", key: SealingKey? = DatabaseSite.key
  ) throws -> SealedGrant {
    guard let key else { throw Probe.NothingCame(awaited: "a sealing key") }
    return try SealedGrant(
      Grant(partitions: partitions, incarnation: Incarnation(incarnation), token: token), cluster: cluster,
      database: Principal(kerberos.principal(database)),
      drone: Principal(kerberos.principal("keyval-drone/\(drone)")), key: key,
      salt: SecureRandom.bytes(SealedGrant.saltLength))
  }
}

/// A drone's session with a database.
final class StoreProbe: Sendable {
  let probe: Probe
  private let number = Atomic<UInt64>(0)

  init(_ probe: Probe) { self.probe = probe }

  /// Shows a grant. Nil if all was opened, else the sentence of the refusal.
  func open(_ partitions: PartitionSet, _ grant: SealedGrant) async throws -> String? {
    let number = number.wrappingAdd(1, ordering: .relaxed).newValue
    probe.send(StoreRequest.open(number: number, grant: grant, partitions: partitions).encoded())
    var rest = partitions
    while !rest.isEmpty {
      for answer in try await answers() {
        switch answer {
        case .openRefused(number, _, _, let reason): return reason
        case .opened(number, let partition, _, _, _): rest.remove(partition)
        default: break
        }
      }
    }
    return nil
  }

  func append(_ batch: PartitionBatch) async throws -> StoreAnswer {
    let number = number.wrappingAdd(1, ordering: .relaxed).newValue
    probe.send(StoreRequest.append(number: number, batches: [batch]).encoded())
    while true {
      // Receipts come behind answers, and nobody waits for them.
      for answer in try await answers() {
        if case .receipt = answer { continue }
        return answer
      }
    }
  }

  private func answers() async throws -> [StoreAnswer] {
    try await probe.received().withUnsafeBytes { bytes in
      var reader = CBORReader(bytes)
      var answers: [StoreAnswer] = []
      while !reader.isAtEnd { answers.append(try StoreAnswer(from: &reader)) }
      return answers
    }
  }
}
