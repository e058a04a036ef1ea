import CKerberos
import Glibc
import Synchronization

/// One authenticated connection to kadmind, for a few operations in a row.
///
/// The client library keeps counters and error state in globals without locks, so that one connection at a
/// time lives in a process: `run` sees to it. An operation takes 1–9 ms, opening 5 ms.
struct KadminSession: ~Copyable {
  let context: KerberosContext
  let handle: UnsafeMutableRawPointer
  let circumstances: Circumstances

  enum Secret {
    case keytab(String)
    case password(String)
  }

  private static let oneAtATime = Mutex<Void>(())

  /// Opens a connection as `client`, runs `body`, closes it. Blocks.
  ///
  /// - Parameter service: "kadmin/admin" for administration, "kadmin/changepw" for a principal's own key.
  static func run<R: Sendable>(
    as client: String, by secret: Secret, service: String, _ circumstances: Circumstances,
    _ body: (borrowing KadminSession) throws(KerberosError) -> R
  ) throws(KerberosError) -> R {
    try oneAtATime.withLock { _ throws(KerberosError) in
      let session = try KadminSession(as: client, by: secret, service: service, circumstances)
      return try body(session)
    }
  }

  private init(
    as client: String, by secret: Secret, service: String, _ circumstances: Circumstances
  ) throws(KerberosError) {
    let context = try KerberosContext()
    let realm = try PrincipalName(client, in: context).realm
    var handle: UnsafeMutableRawPointer?
    let code = Self.withCStrings([client, service, realm, secret.text]) { text in
      var parameters = kadm5_config_params()
      parameters.mask = Int(KADM5_CONFIG_REALM)
      parameters.realm = text[2]
      let structVersion = krb5_ui_4(KADM5_STRUCT_VERSION)
      let apiVersion = krb5_ui_4(KADM5_API_VERSION_4)
      return switch secret {
      case .keytab:
        kadm5_init_with_skey(
          context.raw, text[0], text[3], text[1], &parameters, structVersion, apiVersion, nil, &handle)
      case .password:
        kadm5_init_with_password(
          context.raw, text[0], text[3], text[1], &parameters, structVersion, apiVersion, nil, &handle)
      }
    }
    let short = krb5_error_code(truncatingIfNeeded: code)
    guard code == 0, let handle else {
      throw circumstances.error(code: short, message: context.message(for: short))
    }
    self.context = context
    self.handle = handle
    self.circumstances = circumstances
  }

  deinit { kadm5_destroy(handle) }

  func check(_ code: kadm5_ret_t) throws(KerberosError) {
    try context.check(krb5_error_code(truncatingIfNeeded: code), circumstances)
  }

  /// Lends writable copies of strings, which the old interface asks for, and wipes them afterwards.
  private static func withCStrings<R>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R
  ) -> R {
    let copies = strings.map { strdup($0) }
    defer {
      for case let copy? in copies {
        explicit_bzero(copy, strlen(copy))
        free(copy)
      }
    }
    return body(copies)
  }
}

extension KadminSession.Secret {
  fileprivate var text: String {
    switch self {
    case .keytab(let path): "FILE:\(path)"
    case .password(let password): password
    }
  }
}
