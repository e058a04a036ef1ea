import Cluster
import Cryptography
import Kerberos
import Synchronization

/// The certificate and key by which the holder of an office gets tickets for command services: read on GSSAPI's
/// threads, set on the control loop.
final class OfficeCredential: Sendable {
  private struct Content {
    let office: Principal
    let key: P256PrivateKey
    /// What the authority issued for the KDC; nil before that, and after the KDC has refused it.
    var certificatePEM: String?
    /// From when another one is due.
    var due = Instant(milliseconds: .min)
  }

  private let content = Mutex<Content?>(nil)

  /// The office is held, and there is no certificate for the KDC yet.
  func begin(office: Principal, key: P256PrivateKey) {
    content.withLock { $0 = Content(office: office, key: key) }
  }

  /// - Parameter certificate: DER, for the key of this office. Whether it fits is for the KDC to say.
  func set(certificate: [UInt8], now: Instant) throws(CertificateError) {
    let certificatePEM = try ElectionCertificate(der: certificate).pem
    content.withLock {
      $0?.certificatePEM = certificatePEM
      $0?.due = now + Self.renewalAge
    }
  }

  /// Milliseconds after which a certificate, which lives for an hour, is asked for anew. Not by the wall clock, which may
  /// be set back.
  private static let renewalAge: Int64 = 1_200_000

  func clear() { content.withLock { $0 = nil } }

  /// Whether there is a certificate to dial with.
  var isReady: Bool { content.withLock { $0?.certificatePEM != nil } }

  /// Whether the authority is to be asked for one.
  func isCertificateDue(now: Instant) -> Bool {
    content.withLock { content in content.map { $0.certificatePEM == nil || now >= $0.due } ?? false }
  }

  /// A fresh ticket for a command service by PKINIT. Blocks.
  /// - Parameter armor: this node's own tickets, under which the exchange is sealed: the certificate has the office's
  ///   secret in it.
  func ticket(
    for service: String, armor: InitiatorCredential
  ) throws(KerberosError) -> InitiatorCredential {
    guard let content = content.withLock({ $0 }) else {
      throw KerberosError(.badArgument, "This drone holds no office, so it has no business with \(service).")
    }
    guard let certificatePEM = content.certificatePEM else {
      throw KerberosError(
        .noTicket, "The authority has not issued the certificate for \(content.office)'s tickets yet.")
    }
    do throws(KerberosError) {
      return try OfficeTicket.obtain(
        office: content.office.text, certificatePEM: certificatePEM, keyPEM: content.key.pem,
        service: service,
        armor: armor)
    } catch {
      if error.reason == .certificateRefused { forget(certificatePEM) }
      throw error
    }
  }

  /// The KDC does not take it: the authority is asked for another.
  private func forget(_ certificatePEM: String) {
    content.withLock { content in
      if content?.certificatePEM == certificatePEM { content?.certificatePEM = nil }
    }
  }
}
