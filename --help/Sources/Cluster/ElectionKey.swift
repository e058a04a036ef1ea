import Cryptography

/// The public key that a candidate asks to have certified, as the authority stores it.
public struct ElectionKey: Hashable, Sendable, CustomStringConvertible {
  /// SubjectPublicKeyInfo, DER.
  public let der: [UInt8]
  /// SHA-256 of it, 32 bytes: what the office principal bears at the KDC.
  public let fingerprint: [UInt8]

  public init(_ publicKey: P256PublicKey) {
    der = publicKey.der
    fingerprint = publicKey.fingerprint
  }

  /// Nil unless the bytes are a key on P-256.
  public init?(der: [UInt8]) {
    guard let key = try? P256PublicKey(der: der) else { return nil }
    self.init(key)
  }

  public var description: String {
    "election key " + fingerprint.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

extension BallotRequest {
  /// The key that the request is signed with: whoever sent it holds its private half.
  /// - Throws: `CryptographyError` when it is no PKCS#10 request on P-256 or its signature does not verify.
  public func electionKey() throws(CryptographyError) -> ElectionKey {
    ElectionKey(try Cryptography.CertificateRequest(der: certificateRequest).publicKey)
  }
}
