import COpenSSL

/// The path from a certificate to an anchor (RFC 5280 §6), which OpenSSL verifies.
enum CertificateChain {
  /// Checks that an anchor itself issued the certificate, and that both are valid at `now`.
  ///
  /// - Throws: `untrusted`, `expired`, `notYetValid`, `openSSL`.
  static func verify(
    _ certificate: OwnedPointer, anchors: [CertificateAnchor], now: Int64
  ) throws(CertificateError) {
    defer { keepAlive(certificate) }
    guard let store = X509_STORE_new() else { throw failure() }
    defer { X509_STORE_free(store) }
    guard let context = X509_STORE_CTX_new() else { throw failure() }
    defer { X509_STORE_CTX_free(context) }
    for anchor in anchors {
      guard X509_STORE_add_cert(store, anchor.certificate.pointer) == 1 else { throw failure() }
    }
    guard X509_STORE_CTX_init(context, store, certificate.pointer, nil) == 1,
      let parameters = X509_STORE_CTX_get0_param(context)
    else { throw failure() }
    X509_VERIFY_PARAM_set_time(parameters, time_t(now))
    // Strict RFC 5280, and no certificate between the anchor and the one that it issued.
    X509_VERIFY_PARAM_set_flags(parameters, UInt(X509_V_FLAG_X509_STRICT))
    X509_VERIFY_PARAM_set_depth(parameters, 0)
    guard X509_verify_cert(context) != 1 else { return }
    throw error(of: context, now: now)
  }

  private static func error(of context: OpaquePointer, now: Int64) -> CertificateError {
    let code = X509_STORE_CTX_get_error(context)
    let culprit = X509_STORE_CTX_get_current_cert(context)
    switch code {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      guard let end = CertificateTime.seconds(X509_get0_notAfter(culprit)) else { return .malformed }
      return .expired(notAfter: end, now: now)
    case X509_V_ERR_CERT_NOT_YET_VALID:
      guard let begin = CertificateTime.seconds(X509_get0_notBefore(culprit)) else { return .malformed }
      return .notYetValid(notBefore: begin, now: now)
    case X509_V_ERR_OUT_OF_MEM, X509_V_ERR_UNSPECIFIED:
      return failure()
    default:
      return .untrusted(reason: String(cString: X509_verify_cert_error_string(Int(code))))
    }
  }

  private static func failure() -> CertificateError { .openSSL(reason: takeOpenSSLReason()) }
}
