import Cryptography

/// What has been verified before, for a process that has the same things verified by many: the simulator. A node
/// sees each certificate and each map once and needs none.
public protocol VerificationMemory: AnyObject, Sendable {
  /// What the certificate proves at this second, as remembered or else by the check.
  func verified(
    _ certificate: [UInt8], at now: Int64,
    check: () throws(CertificateError) -> ElectionCertificate.Verified
  ) throws(CertificateError) -> ElectionCertificate.Verified

  /// The content of something signed whose signature, by the key of its certificate, has been verified.
  func content<Content: SignedContent>(of signed: Signed<Content>) -> Content?

  func note<Content: SignedContent>(_ content: Content, of signed: Signed<Content>)
}
