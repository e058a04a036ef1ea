import Cluster
import ClusterFixture
import Cryptography
import Glibc
import Kerberos
import KerberosFixture
import Keyval
import Node
import Provisioning
import Sessions
import Synchronization
import Testing
import Transport
import Wire

/// The cluster that is attacked: real processes, logging everything they can, past their second election.
struct Target: Sendable {
  let cluster: ClusterFixture
  /// Alice's, who has done no harm.
  let client: KeyvalClient

  /// Made once; if it cannot be, each test says why.
  private static let made = Task { try await Target() }
  static var shared: Target { get async throws { try await made.value } }

  private init() async throws {
    cluster = try await ClusterFixture(logLevel: "trace")
    client = try cluster.client()
    for secret in Secrets.pairs { try await client.put(Array(secret.key.utf8), Array(secret.value.utf8)) }
    // A second term, so that there is a lower one, and so that the logs have seen a commander die.
    let first = try await cluster.awaitServing(by: client)
    guard let commander = first.commander.instance else { throw ClusterFixtureError("no commander") }
    try cluster.kill(commander)
    try await cluster.awaitServing(by: client, aboveTerm: first.term.number)
    try cluster.restart(commander)
    // Until nothing moves any more.
    let client = client
    try await cluster.eventually("each drone has its share") {
      let status = try await client.status()
      return status.slotsServed == 16_384 && status.drones.count == 3
        && status.drones.allSatisfy { $0.slots >= 5_400 }
    }
  }

  // MARK: Whom to attack

  struct Node: Sendable, CustomStringConvertible {
    let name: String
    let principal: String
    let address: NodeAddress
    var description: String { name }
  }

  /// The authority, the database and the first drone.
  var nodes: [Node] {
    get throws {
      [try node("a1", "keyval-authority"), try node("db1", "keyval-database"), try drone("d1")]
    }
  }

  func drone(_ name: String) throws -> Node { try node(name, "keyval-drone") }
  var authority: Node { get throws { try node("a1", "keyval-authority") } }
  var database: Node { get throws { try node("db1", "keyval-database") } }

  private func node(_ name: String, _ role: String) throws -> Node {
    Node(
      name: name, principal: cluster.principal("\(role)/\(name)"),
      address: try NodeAddress(cluster.process(name).address))
  }

  /// That the cluster serves, by a write and a read of each drone's slots, and that no process has ended.
  func isUnharmed(at location: SourceLocation = #_sourceLocation) async throws {
    for number in 0..<24 {
      let key = Array("unharmed-\(number)".utf8)
      let value = Array("\(UInt64.random(in: 0 ... .max))".utf8)
      try await client.put(key, value)
      #expect(try await client.get(key) == value, sourceLocation: location)
    }
    for process in try cluster.processes {
      #expect(process.identity.isRunning, "\(process.name) has ended", sourceLocation: location)
    }
  }

  // MARK: Who attacks

  func user(_ name: String) throws -> InitiatorCredential { try .fromCache(name: cluster.cache(of: name)) }
  func alice() throws -> InitiatorCredential { try .fromCache(name: cluster.aliceCache) }

  /// A principal of the realm with a key of its own, whatever its name.
  func principal(_ name: String) throws -> InitiatorCredential {
    let keytab = try scratch(name.split(separator: "/").joined(separator: "-"))
    try cluster.realm().addService(name: name, keytab: keytab)
    return try .fromKeytab(keytab: try Self.copy(keytab), principal: cluster.principal(name))
  }

  /// Somebody who has got hold of a node's keytab.
  func thief(of node: Node) throws -> InitiatorCredential {
    let keytab = try Self.copy(
      cluster.directory.keytab(of: node.name), to: scratch("stolen-\(node.name)"))
    return try .fromKeytab(keytab: keytab, principal: node.principal)
  }

  /// A path that is not taken, which the realm's own user may write to.
  func scratch(_ name: String) throws -> String {
    let folder = "\(cluster.directory.path)/attack"
    mkdir(folder, 0o711)
    return "\(folder)/\(name).\(UInt32.random(in: 0 ... .max))"
  }

  /// Keytabs of the realm's user are refused by other users, root too.
  static func copy(_ path: String, to copy: String? = nil) throws -> String {
    let copy = copy ?? "\(path).own"
    let descriptor = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw ClusterFixtureError("\(copy) cannot be made") }
    defer { close(descriptor) }
    let bytes = try Files.bytes(path)
    guard write(descriptor, bytes, bytes.count) == bytes.count else {
      throw ClusterFixtureError("\(copy) cannot be written")
    }
    return copy
  }

  // MARK: What anybody can learn

  /// The slot map as it travels: the commander's certificate is in it.
  func signedMap() async throws -> SignedSlotMap {
    let probe = try await Probe.dial(try drone("d1"), alice())
    defer { probe.close() }
    probe.send(Request.topology(1))
    let bytes = try await probe.received()
    return try bytes.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      try reader.readArrayHeader(exactly: 3)
      #expect(try reader.readUnsigned() == DataAnswer.Kind.topology)
      _ = try reader.readUnsigned()
      return try SignedSlotMap(from: &reader)
    }
  }

  func status() async throws -> ClusterStatus { try await client.status() }

  /// Waits until a node has recorded that a session of that principal ended for that reason.
  func recordedEnd(_ node: Node, of principal: String, _ error: SessionError) async throws {
    var ends: [Substring] = []
    do {
      try await cluster.eventually("\(node) records ‘\(error)’ of \(principal)", within: .seconds(10)) {
        ends = try AuditFiles.logs(in: cluster.directory.data(of: node.name)).joined().flatMap { path in
          try String(decoding: Files.bytes(path), as: UTF8.self).split(separator: "\n").filter { line in
            ["\"end\"", "\"\(principal)\""].allSatisfy { line.contains($0) }
          }
        }
        return ends.contains { $0.contains("\(error)") }
      }
    } catch {
      throw ClusterFixtureError(
        "\(error); the last that it records:\n\(ends.suffix(3).joined(separator: "\n"))")
    }
  }

  /// Waits until a node has logged a line with all these words.
  func logged(_ node: Node, _ words: String...) async throws {
    try await cluster.eventually("\(node) logs ‘\(words.joined(separator: " … "))’", within: .seconds(10)) {
      cluster.log(of: node.name).split(separator: "\n").contains { line in
        words.allSatisfy { line.contains($0) }
      }
    }
  }
}

/// Requests as a client writes them.
enum Request {
  static func get(_ number: UInt64, _ key: [UInt8]) -> [UInt8] {
    make(items: 3, ReadKind.get.rawValue, number) { $0.write(bytes: key) }
  }

  static func introduce(_ client: ClientIncarnation) -> [UInt8] {
    make(items: 3, DataRequest.Kind.introduce, 0) { client.encode(into: &$0) }
  }

  static func put(_ number: UInt64, write: UInt64, _ key: [UInt8], _ value: [UInt8], retry: Bool = false)
    -> [UInt8]
  {
    make(items: 7, WriteKind.put.rawValue, number) { writer in
      writer.write(unsigned: write)
      writer.write(bool: retry)
      writer.writeNull()
      writer.write(bytes: key)
      writer.write(bytes: value)
    }
  }

  static func topology(_ number: UInt64) -> [UInt8] { make(items: 2, DataRequest.Kind.topology, number) }
  static func status(_ number: UInt64) -> [UInt8] { make(items: 2, DataRequest.Kind.status, number) }

  private static func make(
    items: Int, _ kind: UInt64, _ number: UInt64, _ rest: (inout CBORWriter) -> Void = { _ in }
  ) -> [UInt8] {
    var writer = CBORWriter()
    writer.beginArray(items)
    writer.write(unsigned: kind)
    writer.write(unsigned: number)
    rest(&writer)
    return writer.bytes
  }
}
