import Cluster
import Cryptography
import Foundation
import Kerberos
import KerberosFixture
import Logging
import NIOCore
import NIOPosix
import Node
import ServiceLifecycle
import Sessions
import Testing
import Transport
import Wire

/// A realm, an authority that the test plays, and a real database node that reports to it.
final class DatabaseFixture: Sendable {
  static let cluster = "test"
  let kerberos: KerberosFixture
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
  let databaseKeytab: String
  let authority: Peer
  private let listener: SessionListener

  private init(
    _ kerberos: KerberosFixture, _ keytab: String, _ authority: Peer, _ listener: SessionListener
  ) {
    self.kerberos = kerberos
    databaseKeytab = keytab
    self.authority = authority
    self.listener = listener
  }

  var realm: String { kerberos.realmName }
  var database: String { kerberos.principal("keyval-database/db1") }
  var command: String { kerberos.principal("keyval-command/db1") }

  static func start() async throws -> DatabaseFixture {
    let kerberos = try KerberosFixture()
    let keytab = try kerberos.addDatabase("db1")
    let group = MultiThreadedEventLoopGroup.singleton
    let own = kerberos.realm.authorityPrincipal
    let authority = try await Peer.make(on: group.next()) { _ throws(KerberosError) in
      try .fromKeytab(keytab: kerberos.realm.layout.authorityKeytab, principal: own)
    }
    let credential = try AcceptorCredential(
      keytab: kerberos.realm.layout.authorityKeytab, principal: own,
      replayCache: kerberos.path("authority.rcache"))
    let service = SessionListener.Service(principal: own) { () throws(KerberosError) in credential }
    let configuration = SessionListener.Configuration(
      cluster: cluster, services: [service], logger: quietLogger
    ) {
      NodeDescription(
        cluster: cluster, realm: kerberos.realmName, principals: [own], role: "authority",
        softwareVersion: "test", address: "")
    }
    let listener = try await SessionListener.bind(
      to: NodeAddress(host: "127.0.0.1", port: 0), group: group, configuration: configuration,
      handler: authority.mesh.acceptingHandler)
    return DatabaseFixture(kerberos, keytab, authority, listener)
  }

  func stop() async {
    authority.mesh.shutDown()
    await listener.close()
    kerberos.close()
  }

  /// Runs a database node for as long as the body does; `address` is where it said to be.
  func withDatabase<Value: Sendable>(_ body: (NodeAddress) async throws -> Value) async throws -> Value {
    let configuration = try NodeConfiguration.load(
      role: .database, file: writeConfiguration(), environment: [:])
    let node = DatabaseNode(configuration: configuration, logger: quietLogger)
    let running = Task {
      do {
        try await node.run()
      } catch {
        authority.events.fail(error)
        throw error
      }
    }
    do {
      let registered = try await authority.register()
      let address = NodeAddress(host: registered.endpoint.host, port: Int(registered.endpoint.port))
      authority.send(.membership(try kerberos.membership(Self.cluster, 1)), to: database)
      try await authority.admission(registered)
      let value = try await body(address)
      running.cancel()
      try await running.value
      return value
    } catch {
      running.cancel()
      // The node's own error says more than that nothing came from it.
      try await running.value
      throw error
    }
  }

  /// Runs a database node that may be asked to end; throws what it ends with.
  /// - Parameter patience: seconds that it waits for drones at most.
  func withService(
    patience: Int, hurry: Hurry = Hurry(), _ body: (NodeAddress, ServiceGroup) async throws -> Void
  ) async throws {
    let configuration = try NodeConfiguration.load(
      role: .database, file: writeConfiguration(patience: patience), environment: [:])
    let node = DatabaseNode(configuration: configuration, logger: quietLogger, hurry: hurry)
    let group = ServiceGroup(configuration: .init(services: [node], logger: quietLogger))
    let running = Task { try await group.run() }
    do {
      let registered = try await authority.register()
      authority.send(.membership(try kerberos.membership(Self.cluster, 1)), to: database)
      try await authority.admission(registered)
      try await body(
        NodeAddress(host: registered.endpoint.host, port: Int(registered.endpoint.port)), group)
    } catch {
      running.cancel()
      _ = await running.result
      throw error
    }
    try await running.value
  }

  private func writeConfiguration(patience: Int = 30) throws -> String {
    let settings: [String: Any] = [
      "patience": patience,
      "cluster": Self.cluster, "realm": realm, "name": "db1", "listen": "127.0.0.1:0",
      "keytab": databaseKeytab, "directory": kerberos.path("db1"),
      "anchors": kerberos.realm.layout.anchors,
      "membership": kerberos.realm.layout.membershipPublicKey, "heartbeat": 50,
      "authority": ["principal": kerberos.realm.authorityPrincipal, "address": "\(listener.address)"],
    ]
    let path = kerberos.path("db1.json")
    try JSONSerialization.data(withJSONObject: settings).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// A commander of a term, properly elected as far as the KDC is concerned.
  func commander(_ term: UInt64, at address: NodeAddress) async throws -> Peer {
    let commander = try kerberos.appoint(term: term)
    let key = commander.key.pemBytes
    let office = kerberos.officePrincipal(term)
    let peer = try await Peer.make(on: group.next()) { target throws(KerberosError) in
      try OfficeTicket.obtain(
        office: office, certificatePEM: commander.ticketCertificatePEM, keyPEM: key, service: target,
        armor: nil)
    }
    peer.mesh.setAddress(address, of: command)
    peer.send(.showCertificate(ShowCertificate(certificate: commander.certificate.der)), to: command)
    return peer
  }

  /// Brings a database to a term whose grants it reads.
  func elect(_ term: UInt64, at address: NodeAddress) async throws -> Peer {
    authority.send(.raiseTerm(RaiseTerm(term: Term(term))), to: database)
    _ = try await authority.take { if case .termRaised(.init(term: Term(term))) = $0 { true } else { false } }
    let commander = try await commander(term, at: address)
    commander.send(.deliverKey(DeliverKey(term: Term(term), identifier: 1, key: sealingKey.key)), to: command)
    _ = try await commander.take {
      $0 == .keyStored(KeyStored(term: Term(term), identifier: 1))
    }
    return commander
  }

  var sealingKey: SealingKey { SealingKey(identifier: 1, key: .init(repeating: 7, count: 32))! }

  func grant(
    _ partitions: PartitionSet, to drone: String, token: FencingToken, incarnation: UInt64 = 5
  ) throws -> SealedGrant {
    try SealedGrant(
      Grant(partitions: partitions, incarnation: Incarnation(incarnation), token: token),
      cluster: Self.cluster, database: Principal(database), drone: Principal(kerberos.principal(drone)),
      key: sealingKey, salt: SecureRandom.bytes(32))
  }

  /// A drone's data session.
  func drone(_ node: String, at address: NodeAddress) async throws -> DroneClient {
    let keytab = kerberos.path("drone-\(node).keytab")
    let path = FileManager.default.fileExists(atPath: keytab) ? keytab : try kerberos.addDrone(node)
    let principal = kerberos.principal("keyval-drone/\(node)")
    return try await client(of: database, at: address) { () throws(KerberosError) in
      try .fromKeytab(keytab: path, principal: principal)
    }
  }

  func client(
    of service: String, at address: NodeAddress, _ credential: @escaping InitiatorCredentialProvider
  ) async throws -> DroneClient {
    let client = DroneClient()
    let session = try await SessionDialer(cluster: Self.cluster).dial(
      service, at: address, on: group.next(), credential: credential,
      handler: { _, _ in DroneClient.Handler(client) })
    return client.with(session)
  }
}

let quietLogger: Logger = {
  var logger = Logger(label: "test")
  logger.logLevel = .critical
  return logger
}()

func partition(_ number: Int) -> Partition { Partition(number)! }

func token(_ term: UInt64, _ counter: UInt64) -> FencingToken {
  FencingToken(term: Term(term), counter: counter)
}

func batch(
  _ number: Int, from sequence: UInt64, token: FencingToken, _ pairs: ([UInt8], [UInt8])...
) -> PartitionBatch {
  PartitionBatch(
    partition: partition(number), token: token, incarnation: Incarnation(5), firstSequence: sequence,
    records: pairs.map { key, value in
      LogRecord(
        key: key, change: .put(value: value), client: ClientIncarnation(high: 1, low: 2), write: sequence,
        outcome: .written(existed: false))
    })
}
