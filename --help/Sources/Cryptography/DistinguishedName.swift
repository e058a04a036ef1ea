import COpenSSL

/// Subjects and issuers (RFC 5280 §4.1.2.4) with a common name, as Keyval writes and reads them.
enum DistinguishedName {
  /// Bytes of the longest common name, as of the longest principal. RFC 5280's bound for this attribute is 64
  /// characters, which a node's principal in a realm with a long name exceeds; neither OpenSSL nor MIT
  /// Kerberos looks at the length when they verify.
  static let maximumLength = 255

  /// Makes `CN=commonName`, after `O=organization` and before `serialNumber=serialNumber` where there is one.
  ///
  /// The text goes in as one UTF-8 value, never through a syntax: `/`, `@`, `=`, `+` and `,` are themselves.
  static func make(
    organization: String? = nil, commonName: String, serialNumber: String? = nil
  ) throws(CryptographyError) -> OwnedPointer {
    let name = try OwnedPointer(X509_NAME_new(), free: X509_NAME_free, "make a name")
    defer { keepAlive(name) }
    if let organization { try add(NID_organizationName, organization, to: name) }
    try add(NID_commonName, commonName, to: name)
    if let serialNumber { try add(NID_serialNumber, serialNumber, to: name) }
    return name
  }

  private static func add(
    _ attribute: Int32, _ text: String, to name: OwnedPointer
  ) throws(CryptographyError) {
    let bytes = Array(text.utf8)
    guard (1...maximumLength).contains(bytes.count), !bytes.contains(0) else {
      throw .invalidValue("a name in a certificate has 1 to \(maximumLength) bytes, none of them zero")
    }
    // With the type given outright, OpenSSL takes the bytes as they are, without its limit of 64.
    try check(
      X509_NAME_add_entry_by_NID(
        name.pointer, attribute, V_ASN1_UTF8STRING, bytes, Int32(bytes.count), -1, 0), "set a name")
  }

  /// The common name, if it is all there is and stands in UTF-8; `nil` for every other shape.
  static func soleCommonName(of name: OpaquePointer?) -> String? {
    guard let name, X509_NAME_entry_count(name) == 1, let entry = X509_NAME_get_entry(name, 0),
      OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) == NID_commonName,
      let value = X509_NAME_ENTRY_get_data(entry), ASN1_STRING_type(value) == V_ASN1_UTF8STRING,
      let start = ASN1_STRING_get0_data(value)
    else { return nil }
    let bytes = UnsafeBufferPointer(start: start, count: Int(ASN1_STRING_length(value)))
    guard (1...maximumLength).contains(bytes.count), !bytes.contains(0) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }
}
