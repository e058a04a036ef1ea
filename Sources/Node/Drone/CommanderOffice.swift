import Cluster
import Commander
import Cryptography
import Kerberos
import Logging
import Synchronization

/// What the holder of an office has besides its core: the election key, its certificate, and the keys that
/// seal grants. It lives on the control loop; only `OfficeCredential` is read from other threads.
final class CommanderOffice {
  let term: Term
  var core: CommanderCore
  private let cluster: String
  private let key: P256PrivateKey
  private var certificate: [UInt8]
  private var sealingKeys: [Principal: SealingKey] = [:]

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
    guard let key = SealingKey(identifier: SecureRandom.integer(), key: SecureRandom.bytes(SealingKey.length))
    else { preconditionFailure("a sealing key of \(SealingKey.length) bytes was refused") }
    sealingKeys[database] = key
    return key
  }
}

/// The election certificate and key for dialling command services: read on GSSAPI's threads.
final class OfficeCredential: Sendable {
  private struct Content {
    let office: Principal
    var certificatePEM: String
    let keyPEM: String
  }

  private let content = Mutex<Content?>(nil)

  func set(office: Principal, certificate: [UInt8], key: P256PrivateKey) throws(CertificateError) {
    let certificatePEM = try ElectionCertificate(der: certificate).pem
    let keyPEM = key.pem
    content.withLock { $0 = Content(office: office, certificatePEM: certificatePEM, keyPEM: keyPEM) }
  }

  /// The same key, certified again.
  func renew(certificate: [UInt8]) throws(CertificateError) {
    let certificatePEM = try ElectionCertificate(der: certificate).pem
    content.withLock { $0?.certificatePEM = certificatePEM }
  }

  func clear() { content.withLock { $0 = nil } }

  /// A fresh ticket for a command service by PKINIT. Blocks.
  func ticket(for service: String) throws(KerberosError) -> InitiatorCredential {
    guard let content = content.withLock({ $0 }) else {
      throw KerberosError(.badArgument, "This drone holds no office, so it has no business with \(service).")
    }
    return try OfficeTicket.obtain(
      office: content.office.text, certificatePEM: content.certificatePEM, keyPEM: content.keyPEM,
      service: service)
  }
}
