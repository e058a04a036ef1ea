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
    /// What the authority issued for the KDC, in PEM; nil before that, and after the KDC has refused it.
    var certificate: SecretBytes?
  }

  private let content = Mutex<Content?>(nil)

  /// The office is held, and there is no certificate for the KDC yet.
  func begin(office: Principal, key: P256PrivateKey) {
    content.withLock { $0 = Content(office: office, key: key) }
  }

  /// - Parameter certificate: DER, for the key of this office. Whether it fits is for the KDC to say.
  func set(certificate: [UInt8]) throws(CertificateError) {
    var bytes = try ElectionCertificate(der: certificate).pemBytes
    let secret = SecretBytes(taking: &bytes)
    content.withLock { $0?.certificate = secret }
  }

  func clear() { content.withLock { $0 = nil } }

  /// Whether there is a certificate to dial with.
  var isReady: Bool { content.withLock { $0?.certificate != nil } }

  /// A fresh ticket for a command service by PKINIT. Blocks.
  /// - Parameter armor: this node's own tickets, under which the exchange is sealed: the certificate has the office's
  ///   secret in it.
  func ticket(
    for service: String, armor: InitiatorCredential
  ) throws(KerberosError) -> InitiatorCredential {
    guard let content = content.withLock({ $0 }) else {
      throw KerberosError(.badArgument, "This drone holds no office, so it has no business with \(service).")
    }
    guard let certificate = content.certificate else {
      throw KerberosError(
        .noTicket, "The authority has not issued the certificate for \(content.office)'s tickets yet.")
    }
    var certificatePEM = certificate.withUnsafeBytes { [UInt8]($0) }
    var keyPEM = content.key.pemBytes
    defer {
      cleanse(&certificatePEM)
      cleanse(&keyPEM)
    }
    do throws(KerberosError) {
      return try OfficeTicket.obtain(
        office: content.office.text, certificatePEM: certificatePEM, keyPEM: keyPEM, service: service,
        armor: armor)
    } catch {
      if error.reason == .certificateRefused { forget(certificate) }
      throw error
    }
  }

  /// The KDC does not take it: the authority is asked for another.
  private func forget(_ certificate: SecretBytes) {
    content.withLock { content in
      if content?.certificate == certificate { content?.certificate = nil }
    }
  }
}
