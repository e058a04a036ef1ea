/// Why a certificate is not believed. The fault is its sender's, but for a wrong clock or anchor here.
public enum CertificateError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Longer than the limit, in bytes.
  case tooLarge(limit: Int, actual: Int)
  /// Not exactly one X.509 version 3 certificate.
  case malformed
  /// No anchor was given that issued it, or the signature is not that anchor's; with OpenSSL's reason.
  case untrusted(reason: String)
  /// It (or its anchor) ended; seconds since 1970.
  case expired(notAfter: Int64, now: Int64)
  /// It (or its anchor) has not begun; seconds since 1970.
  case notYetValid(notBefore: Int64, now: Int64)
  /// A certificate of an authority where one of a holder belongs.
  case isAuthority
  /// Not a certificate of an authority where one belongs.
  case isNotAuthority
  /// The public key or the signature is not of P-256 with SHA-256.
  case wrongAlgorithm
  /// The extended key usage is not exactly id-pkinit-KPClientAuth, or the key usage not signing alone.
  case wrongPurpose
  /// The serial number is not a term: a positive number of at most 64 bits.
  case wrongSerialNumber
  /// The subject is not exactly one common name `keyval-drone/NODE@REALM`.
  case wrongSubject
  /// The subject alternative name is not exactly the office of the serial number's term in the winner's realm.
  case wrongOffice
  /// An extension that an election certificate does not have, one twice, or one missing; its OID or name.
  case unexpectedExtension(String)
  /// OpenSSL failed for a reason that does not lie in the certificate.
  case openSSL(reason: String)

  public var description: String {
    switch self {
    case .tooLarge(let limit, let actual):
      "The certificate has \(actual) bytes, at most \(limit) are read."
    case .malformed:
      "These bytes are not exactly one X.509 certificate."
    case .untrusted(let reason):
      "The certificate was not issued by this realm's election CA (\(reason)): compare the CA files."
    case .expired(let notAfter, let now):
      "The certificate ended \(now &- notAfter) s ago: have it issued again, and check this machine's clock."
    case .notYetValid(let notBefore, let now):
      "The certificate begins in \(notBefore &- now) s only: check this machine's clock."
    case .isAuthority:
      "This is the certificate of an authority, it holds no office."
    case .isNotAuthority:
      "This is not the certificate of a certificate authority."
    case .wrongAlgorithm:
      "The certificate must have a P-256 key and be signed with ECDSA and SHA-256."
    case .wrongPurpose:
      "The certificate must serve PKINIT client authentication and nothing else."
    case .wrongSerialNumber:
      "The serial number is not a term."
    case .wrongSubject:
      "The subject must be one common name, the principal of a drone."
    case .wrongOffice:
      "The subject alternative name is not the office of the term that the serial number says."
    case .unexpectedExtension(let name):
      "The extension \(name) is missing, repeated or has no place in an election certificate."
    case .openSSL(let reason):
      "OpenSSL could not verify the certificate (\(reason))."
    }
  }
}
