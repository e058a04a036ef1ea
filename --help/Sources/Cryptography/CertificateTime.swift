import COpenSSL

/// Times in certificates, as seconds since 1970.
enum CertificateTime {
  /// The last second that X.509 can say, 31 December 9999 (RFC 5280 §4.1.2.5).
  static let last: Int64 = 253_402_300_799

  /// Reads a validity time. `nil` if it is malformed.
  static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    guard let time, let epoch = ASN1_TIME_set(nil, 0) else { return nil }
    defer {
      ASN1_STRING_free(epoch)
      ERR_clear_error()
    }
    var days: Int32 = 0
    var rest: Int32 = 0
    guard ASN1_TIME_diff(&days, &rest, epoch, time) == 1 else { return nil }
    return Int64(days) * 86_400 + Int64(rest)
  }

  /// Checks a validity period that is about to be certified.
  static func check(notBefore: Int64, notAfter: Int64) throws(CryptographyError) {
    guard notBefore >= 0, notBefore < notAfter, notAfter <= last else {
      throw .invalidValue("a certificate's life must begin after 1970, before its end, and end before 10000")
    }
  }
}
