import Cluster
import Commander
import Cryptography

/// What the holder of an office has besides its core: the election key, its certificate, and the keys that
/// seal grants. It lives on the control loop. (By what it gets its tickets is in `OfficeCredential`.)
final class CommanderOffice {
  let term: Term
  var core: CommanderCore
  private let cluster: String
  private let key: P256PrivateKey
  private var certificate: [UInt8]
  private var sealingKeys: [Principal: SealingKey] = [:]
  /// What waits until the command services can be dialled, the oldest first.
  private var held: [(service: Principal, message: ControlMessage)] = []
  private static let mostHeld = 64
  /// When the authority was last asked for the certificate that the KDC takes.
  private var askedForTickets: Instant?

  init(term: Term, cluster: String, core: CommanderCore, key: P256PrivateKey, certificate: [UInt8]) {
    self.term = term
    self.cluster = cluster
    self.core = core
    self.key = key
    self.certificate = certificate
  }

  func renew(certificate: [UInt8]) { self.certificate = certificate }

  func sign(_ map: SlotMap) throws(CryptographyError) -> SignedSlotMap {
    try SignedSlotMap(map, key: key, certificate: certificate)
  }

  func sign(_ list: PublishedAccessList) throws(CryptographyError) -> SignedAccessList {
    try SignedAccessList(list, key: key, certificate: certificate)
  }

  /// A request for the same key, to be certified again.
  func certificateRequest(subject: Principal) throws(CryptographyError) -> [UInt8] {
    try key.certificateRequest(subject: subject.text)
  }

  /// Keeps a message until the command services can be dialled. The core repeats what still matters, so the oldest go
  /// first.
  func hold(_ message: ControlMessage, for service: Principal) {
    if held.count == Self.mostHeld { held.removeFirst() }
    held.append((service, message))
  }

  func takeHeld() -> [(service: Principal, message: ControlMessage)] {
    defer { held = [] }
    return held
  }

  /// Whether the authority is to be asked (again) for the certificate that the KDC takes; notes that it is.
  func asksForTickets(_ now: Instant, every pause: Int64) -> Bool {
    if let askedForTickets, now - askedForTickets < pause { return false }
    askedForTickets = now
    return true
  }

  /// Goes before everything that is said on a command session.
  var certificateShown: ControlMessage { .showCertificate(ShowCertificate(certificate: certificate)) }

  /// The message that hands this term's key over to a database. The key is drawn once for each database.
  func deliverKey(to database: Principal) -> ControlMessage {
    let key = sealingKey(for: database)
    return .deliverKey(DeliverKey(term: term, identifier: key.identifier, key: key.key))
  }

  /// Asks whether that key is still there.
  func ping(_ database: Principal) -> ControlMessage {
    .keyStored(KeyStored(term: term, identifier: sealingKey(for: database).identifier))
  }

  func seal(_ grant: Grant, for drone: Principal, database: RegisteredNode) throws(CryptographyError)
    -> GrantAnswer
  {
    let sealed = try SealedGrant(
      grant, cluster: cluster, database: database.principal, drone: drone,
      key: sealingKey(for: database.principal),
      salt: SecureRandom.bytes(SealedGrant.saltLength))
    return GrantAnswer(
      term: term, incarnation: grant.incarnation, partitions: grant.partitions, token: grant.token,
      mode: grant.mode, database: database, grant: sealed)
  }

  private func sealingKey(for database: Principal) -> SealingKey {
    if let key = sealingKeys[database] { return key }
    // 32 bytes are what a sealing key has, so this cannot be nil.
    var secret = SecureRandom.bytes(SealingKey.length)
    defer { cleanse(&secret) }
    guard let key = SealingKey(identifier: SecureRandom.integer(), key: secret)
    else { preconditionFailure("a sealing key of \(SealingKey.length) bytes was refused") }
    sealingKeys[database] = key
    return key
  }
}
