import Cluster
import Cryptography
import Synchronization

/// What has been verified before, by any of the simulated processes: the same bytes at the same second come to the
/// same, and are not looked at again.
final class SharedVerification: VerificationMemory {
  private struct Question: Hashable {
    let certificate: [UInt8]
    let now: Int64
  }

  private struct Contents {
    var certificates: [Question: Result<ElectionCertificate.Verified, CertificateError>] = [:]
    var contents: [AnyHashable: any Sendable] = [:]
  }

  /// Entries of each kind; beyond, all are forgotten.
  private static let capacity = 1024

  private let known = Mutex(Contents())

  /// What the certificate proves at this second, by this memory or else by the check.
  func verified(
    _ certificate: [UInt8], at now: Int64,
    check: () throws(CertificateError) -> ElectionCertificate.Verified
  ) throws(CertificateError) -> ElectionCertificate.Verified {
    let question = Question(certificate: certificate, now: now)
    if let result = known.withLock({ $0.certificates[question] }) { return try result.get() }
    let result: Result<ElectionCertificate.Verified, CertificateError>
    do throws(CertificateError) {
      result = .success(try check())
    } catch {
      result = .failure(error)
    }
    known.withLock { known in
      if known.certificates.count >= Self.capacity { known.certificates.removeAll() }
      known.certificates[question] = result
    }
    return try result.get()
  }

  /// The content of something signed whose signature, by the key of its certificate, has been verified.
  func content<Content: SignedContent>(of signed: Signed<Content>) -> Content? {
    known.withLock { $0.contents[signed] } as? Content
  }

  func note<Content: SignedContent>(_ content: Content, of signed: Signed<Content>) {
    known.withLock { known in
      if known.contents.count >= Self.capacity { known.contents.removeAll() }
      known.contents[signed] = content
    }
  }
}
