import Cryptography
import Wire

/// The commander's leave to open partitions at one database: for one drone, in one life of it.
public struct Grant: Hashable, Sendable {
  /// What the drone opens a partition from.
  public enum Mode: UInt64, Sendable, CaseIterable {
    /// The database, which must have every acknowledged write: nobody is on its list of copies in sync.
    case load = 0
    /// The drone's own copy, which must be on that list, or be what the last owner had in this very life.
    case promote = 1
    /// The database as it is: an operator has accepted that what only lost copies held is lost.
    case acceptLoss = 2
  }

  public let partitions: PartitionSet
  public let incarnation: Incarnation
  public let token: FencingToken
  public let mode: Mode

  public init(
    partitions: PartitionSet, incarnation: Incarnation, token: FencingToken, mode: Mode = .load
  ) {
    self.partitions = partitions
    self.incarnation = incarnation
    self.token = token
    self.mode = mode
  }
}

/// The key that seals grants of one term for one database: 256 bits that only the commander and that database
/// know, and an identifier to find it by.
public struct SealingKey: Sendable, CustomStringConvertible, CustomReflectable {
  public static let length = 32
  public let identifier: UInt64
  let secret: SecretBytes

  /// A copy, for the message that hands it over and for the store.
  public var key: [UInt8] { secret.withUnsafeBytes { [UInt8]($0) } }

  /// Nil unless the key has 32 bytes. They are copied.
  public init?(identifier: UInt64, key: [UInt8]) {
    guard key.count == Self.length else { return nil }
    self.identifier = identifier
    secret = SecretBytes(copying: key)
  }

  public var description: String { "sealing key \(identifier)" }
  public var customMirror: Mirror { Mirror(self, children: ["identifier": identifier]) }
}

/// A grant as it travels: AES-256-GCM under a key derived (HKDF-SHA-384) from the sealing key and a random
/// salt, so that a nonce of zero is used once for each key. The associated data are all fields outside.
public struct SealedGrant: Hashable, Sendable {
  public static let saltLength = 32

  public let cluster: String
  /// The database it is for, `keyval-database/NODE@REALM`.
  public let database: Principal
  /// The drone it is for.
  public let drone: Principal
  public let term: Term
  public let keyIdentifier: UInt64
  public let salt: [UInt8]
  public let ciphertext: [UInt8]

  /// Seals a grant. `salt` must be 32 fresh random bytes.
  public init(
    _ grant: Grant, cluster: String, database: Principal, drone: Principal, key: SealingKey, salt: [UInt8]
  ) throws(CryptographyError) {
    self.cluster = cluster
    self.database = database
    self.drone = drone
    self.term = grant.token.term
    self.keyIdentifier = key.identifier
    self.salt = salt
    let header = Self.associatedData(
      cluster: cluster, database: database, drone: drone, term: term, keyIdentifier: keyIdentifier)
    ciphertext = try AEAD.seal(
      suite: .aes256GCM, key: Self.derive(key, salt), nonce: Self.nonce, associatedData: header,
      plaintext: grant.encoded())
  }

  /// The grant inside. The caller compares holder, term and token with what it knows.
  /// - Throws: `GrantError.forged` when the seal does not verify under this key.
  public func opened(with key: SealingKey) throws(GrantError) -> Grant {
    let header = Self.associatedData(
      cluster: cluster, database: database, drone: drone, term: term, keyIdentifier: keyIdentifier)
    do {
      let plaintext = try AEAD.open(
        suite: .aes256GCM, key: Self.derive(key, salt), nonce: Self.nonce, associatedData: header,
        ciphertext: ciphertext)
      let grant = try Grant.decode(plaintext)
      guard grant.token.term == term else { throw GrantError.forged }
      return grant
    } catch {
      throw .forged
    }
  }

  private static let nonce = [UInt8](repeating: 0, count: 12)

  private static func derive(_ key: SealingKey, _ salt: [UInt8]) -> SecretBytes {
    let pseudoRandomKey = HKDFSHA384.extract(salt: SecretBytes(copying: salt), inputKey: key.secret)
    return HKDFSHA384.expand(
      pseudoRandomKey: pseudoRandomKey, info: [UInt8]("keyval/1 grant".utf8), length: SealingKey.length)
  }

  private static func associatedData(
    cluster: String, database: Principal, drone: Principal, term: Term, keyIdentifier: UInt64
  ) -> [UInt8] {
    var writer = CBORWriter()
    writer.beginArray(5)
    writer.write(text: cluster)
    database.encode(into: &writer)
    drone.encode(into: &writer)
    term.encode(into: &writer)
    writer.write(unsigned: keyIdentifier)
    return writer.bytes
  }
}

/// Why a database does not take a grant.
public enum GrantError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The seal does not verify: forged, altered, or sealed with another key.
  case forged
  /// No sealing key of this identifier and term was ever handed over.
  case unknownKey(term: Term)
  case otherCluster(String)
  case otherDatabase(Principal)
  /// Shown by somebody it was not made for.
  case borrowed(holder: Principal)
  /// Made for an earlier life of this drone.
  case otherIncarnation
  /// Of a term that is not the current one.
  case expired(term: Term, current: Term)
  /// A higher token has opened one of the partitions.
  case fenced(Partition, current: FencingToken)
  /// It does not cover a partition that was asked for.
  case notCovered(Partition)
  /// These hold acknowledged writes that the database may lack: one of them has to be promoted.
  case copiesElsewhere(Partition, [Holder])
  /// The drone's copy is not on the list of those in sync.
  case notInSync(Partition)
  /// What the database has stored of it is damaged.
  case unreadable(Partition)

  public var description: String {
    switch self {
    case .forged: "the grant's seal does not verify"
    case .unknownKey(let term):
      "no sealing key of term \(term) is known here; the commander hands it over first"
    case .otherCluster(let name): "the grant is of the cluster ‘\(name)’"
    case .otherDatabase(let database): "the grant is for \(database)"
    case .borrowed(let holder): "the grant was made for \(holder)"
    case .otherIncarnation: "the grant was made for an earlier life of this drone"
    case .expired(let term, let current): "the grant is of term \(term); the current term is \(current)"
    case .fenced(let partition, let current):
      "partition \(partition) has since been opened under token \(current)"
    case .notCovered(let partition): "the grant does not cover partition \(partition)"
    case .copiesElsewhere(let partition, let holders):
      "partition \(partition) may have acknowledged writes in the memory of "
        + holders.map(\.description).joined(separator: ", ") + " alone, which is to be promoted"
    case .notInSync(let partition):
      "the copy of partition \(partition) is not on the list of those in sync"
    case .unreadable(let partition):
      "what the database has stored of partition \(partition) is damaged; its log has more"
    }
  }
}

extension Grant: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(4)
    partitions.encode(into: &writer)
    incarnation.encode(into: &writer)
    token.encode(into: &writer)
    mode.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 4)
    self.init(
      partitions: try PartitionSet(from: &reader), incarnation: try Incarnation(from: &reader),
      token: try FencingToken(from: &reader), mode: try Mode(from: &reader))
  }
}

extension Grant.Mode: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(unsigned: rawValue) }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let raw = try reader.readUnsigned()
    guard let mode = Grant.Mode(rawValue: raw) else { throw .unknownValue(field: "mode", value: raw) }
    self = mode
  }
}

extension SealedGrant: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(7)
    writer.write(text: cluster)
    database.encode(into: &writer)
    drone.encode(into: &writer)
    term.encode(into: &writer)
    writer.write(unsigned: keyIdentifier)
    writer.write(bytes: salt)
    writer.write(bytes: ciphertext)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 7)
    cluster = try reader.readText()
    database = try Principal(from: &reader)
    drone = try Principal(from: &reader)
    term = try Term(from: &reader)
    keyIdentifier = try reader.readUnsigned()
    salt = try reader.readByteArray(count: Self.saltLength, field: "a salt")
    ciphertext = try reader.readByteArray(maximum: 1024)
  }
}
