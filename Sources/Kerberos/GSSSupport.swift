import CKerberos
import Glibc

/// Small pieces that every GSSAPI call needs: names, buffers, status words.
enum GSS {
  /// GSSAPI's verdict on one call, made into an error where it is one.
  static func check(
    _ major: OM_uint32, _ minor: OM_uint32, _ circumstances: Circumstances
  ) throws(KerberosError) {
    if keyval_gss_is_error(major) != 0 { throw error(major, minor, circumstances) }
  }

  static func error(
    _ major: OM_uint32, _ minor: OM_uint32, _ circumstances: Circumstances
  ) -> KerberosError {
    let isOwn = minor < firstMappedMinor || minor > lastMappedMinor
    let code = isOwn ? krb5_error_code(bitPattern: minor) : 0
    let reason = reason(keyval_gss_routine_error(major), code)
    let message = self.message(major, code == 0 ? 0 : minor)
    return circumstances.error(reason, code: code, message: message)
  }

  // GSSAPI's glue gives minor codes that it cannot tell apart, such as 0, numbers of its own from here up.
  private static let firstMappedMinor: OM_uint32 = 100_000
  private static let lastMappedMinor: OM_uint32 = 199_999

  private static func reason(_ major: OM_uint32, _ code: krb5_error_code) -> KerberosError.Reason {
    // The mechanism's code says more than GSSAPI's, except where it has none of its own.
    if major == keyval_gss_bad_bindings() { return .channelBindingMismatch }
    let reason = KerberosErrorCode.reason(of: code)
    if reason != .other { return reason }
    switch major {
    case keyval_gss_defective_token(), keyval_gss_bad_mechanism(): return .badToken
    case keyval_gss_credentials_expired(): return .ticketExpired
    case keyval_gss_duplicate_token(): return .replay
    case keyval_gss_no_credential(): return .noTicket
    default: return .other
    }
  }

  /// The mechanism's sentence, which the library keeps for this thread; GSSAPI's own where there is none.
  private static func message(_ major: OM_uint32, _ minor: OM_uint32) -> String {
    if minor != 0, let text = status(minor, keyval_gss_status_mechanism_code()) { return text }
    return status(major, keyval_gss_status_gss_code()) ?? "GSSAPI status \(major)/\(minor)"
  }

  private static func status(_ value: OM_uint32, _ kind: Int32) -> String? {
    var minor: OM_uint32 = 0
    var more: OM_uint32 = 0
    var buffer = gss_buffer_desc()
    defer { gss_release_buffer(&minor, &buffer) }
    let mechanism = keyval_gss_mechanism_krb5()
    guard keyval_gss_is_error(gss_display_status(&minor, value, kind, mechanism, &more, &buffer)) == 0 else {
      return nil
    }
    return string(buffer)
  }

  static func string(_ buffer: gss_buffer_desc) -> String {
    String(decoding: UnsafeRawBufferPointer(start: buffer.value, count: buffer.length), as: UTF8.self)
  }

  static func bytes(_ buffer: gss_buffer_desc) -> [UInt8] {
    [UInt8](UnsafeRawBufferPointer(start: buffer.value, count: buffer.length))
  }

  /// Lends bytes as a GSSAPI buffer; the library only reads from it.
  static func withBuffer<R>(_ bytes: [UInt8], _ body: (inout gss_buffer_desc) -> R) -> R {
    bytes.withUnsafeBytes { raw in
      var buffer = gss_buffer_desc(
        length: raw.count, value: UnsafeMutableRawPointer(mutating: raw.baseAddress))
      return body(&buffer)
    }
  }

  /// The krb5 mechanism alone, as a set. The set points at the library's constant and is not to be released.
  static func withMechanismSet<R>(_ body: (gss_OID_set) -> R) -> R {
    var set = gss_OID_set_desc(count: 1, elements: keyval_gss_mechanism_krb5())
    return withUnsafeMutablePointer(to: &set, body)
  }

  /// The text of a name as krb5 prints principals.
  static func text(of name: gss_name_t?) -> String? {
    guard let name else { return nil }
    var minor: OM_uint32 = 0
    var buffer = gss_buffer_desc()
    defer { gss_release_buffer(&minor, &buffer) }
    guard keyval_gss_is_error(gss_display_name(&minor, name, &buffer, nil)) == 0 else { return nil }
    return string(buffer)
  }
}

/// An imported principal name, released with this object.
final class GSSName {
  let raw: gss_name_t

  /// Takes the principal as krb5 writes it; nothing is canonicalised or looked up.
  init(principal: String) throws(KerberosError) {
    var minor: OM_uint32 = 0
    var name: gss_name_t?
    let major = GSS.withBuffer([UInt8](principal.utf8)) { buffer in
      gss_import_name(&minor, &buffer, keyval_gss_principal_name_type(), &name)
    }
    guard keyval_gss_is_error(major) == 0, let name else {
      throw KerberosError(
        .badArgument, code: krb5_error_code(bitPattern: minor),
        "“\(principal)” is no principal name: write it as name@REALM.")
    }
    raw = name
  }

  deinit {
    var minor: OM_uint32 = 0
    var name: gss_name_t? = raw
    gss_release_name(&minor, &name)
  }
}

/// An acquired GSSAPI credential, released with this object.
///
/// Unchecked, because the handle is a pointer; true, because the object never changes and MIT's library guards
/// what the handle points to with a lock of its own.
final class GSSCredential: @unchecked Sendable {
  let raw: gss_cred_id_t

  /// Acquires a credential through a credential store (RFC 5588's extension by MIT), never through the
  /// environment.
  init(
    name: GSSName?, store: [(key: String, value: String)], usage: Int32, _ circumstances: Circumstances
  ) throws(KerberosError) {
    var minor: OM_uint32 = 0
    var credential: gss_cred_id_t?
    let strings = store.map { (strdup($0.key), strdup($0.value)) }
    defer {
      for (key, value) in strings {
        free(key)
        free(value)
      }
    }
    var elements = strings.map { gss_key_value_element_desc(key: $0.0, value: $0.1) }
    let major = elements.withUnsafeMutableBufferPointer { elements in
      var set = gss_key_value_set_desc(count: UInt32(elements.count), elements: elements.baseAddress)
      return GSS.withMechanismSet { mechanisms in
        gss_acquire_cred_from(
          &minor, name?.raw, keyval_gss_indefinite(), mechanisms, usage, &set, &credential, nil, nil)
      }
    }
    try GSS.check(major, minor, circumstances)
    guard let credential else {
      throw KerberosError(.other, "\(circumstances.action) failed: GSSAPI gave no credential.")
    }
    raw = credential
  }

  deinit {
    var minor: OM_uint32 = 0
    var credential: gss_cred_id_t? = raw
    gss_release_cred(&minor, &credential)
  }
}
