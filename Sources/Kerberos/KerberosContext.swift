import CKerberos
import Glibc

/// A `krb5_context` for the length of one operation. Contexts are not to be shared between threads, so each
/// operation makes its own (microseconds: nothing is asked of anybody).
///
/// The configuration is the file that `KRB5_CONFIG` named when the process started.
final class KerberosContext {
  let raw: krb5_context

  /// - Throws: `KerberosError` when the configuration cannot be read.
  init() throws(KerberosError) {
    _ = Self.brokenPipesAreErrors
    Self.keepConfigurationParsed()
    raw = try Self.make()
  }

  private static func make() throws(KerberosError) -> krb5_context {
    var context: krb5_context?
    let code = krb5_init_context(&context)
    guard code == 0, let context else {
      throw KerberosError(
        .unusableFile, code: code,
        "The Kerberos configuration cannot be read (code \(code)): check the file that KRB5_CONFIG names.")
    }
    return context
  }

  deinit { krb5_free_context(raw) }

  /// The library shares a parsed configuration among the contexts that exist, GSSAPI's too, and parses it for the next
  /// one when there is none: so one context is kept. It looks at the file's time itself, so that changes are seen.
  static func keepConfigurationParsed() { _ = keeper }

  private static let keeper = Keeper(context: try? make())

  /// Nobody ever uses it.
  private struct Keeper: @unchecked Sendable { let context: krb5_context? }

  // The library writes to the KDC's and kadmind's connections with plain write(2): where one of them dies, the
  // signal would end this process. A program that handles the signal itself is left alone.
  private static let brokenPipesAreErrors: Void = {
    var action = sigaction()
    guard sigaction(SIGPIPE, nil, &action) == 0, action.__sigaction_handler.sa_handler == nil else { return }
    signal(SIGPIPE, SIG_IGN)
  }()

  /// The library's own words for a code of an operation on this context.
  func message(for code: krb5_error_code) -> String {
    guard let text = krb5_get_error_message(raw, code) else { return "code \(code)" }
    defer { krb5_free_error_message(raw, text) }
    return String(cString: text)
  }

  /// Turns a code into an error that says whom it concerns; returns when the code is 0.
  func check(_ code: krb5_error_code, _ circumstances: Circumstances) throws(KerberosError) {
    if code != 0 { throw circumstances.error(code: code, message: message(for: code)) }
  }

  /// The default realm of the configuration, nil when it has none.
  var defaultRealm: String? {
    var realm: UnsafeMutablePointer<CChar>?
    guard krb5_get_default_realm(raw, &realm) == 0, let realm else { return nil }
    defer { krb5_free_default_realm(raw, realm) }
    return String(cString: realm)
  }
}

/// A parsed principal name, freed with this object.
final class PrincipalName {
  let raw: krb5_principal
  private let context: KerberosContext

  /// - Throws: `KerberosError` with reason `badArgument` when the text is no principal name.
  init(_ text: String, in context: KerberosContext) throws(KerberosError) {
    var principal: krb5_principal?
    let code = krb5_parse_name(context.raw, text, &principal)
    guard code == 0, let principal else {
      throw KerberosError(
        .badArgument, code: code,
        "“\(text)” is no principal name (\(context.message(for: code))): write it as name@REALM.")
    }
    raw = principal
    self.context = context
  }

  /// Takes over a principal that the library made.
  init(owning principal: krb5_principal, in context: KerberosContext) {
    raw = principal
    self.context = context
  }

  deinit { krb5_free_principal(context.raw, raw) }

  var text: String { PrincipalName.text(of: raw, in: context) }

  var realm: String {
    guard let realm = keyval_krb5_principal_realm(raw), let data = realm.pointee.data else { return "" }
    let bytes = UnsafeRawBufferPointer(start: data, count: Int(realm.pointee.length))
    return String(decoding: bytes, as: UTF8.self)
  }

  static func text(of principal: krb5_const_principal?, in context: KerberosContext) -> String {
    guard let principal else { return "an unnamed principal" }
    var text: UnsafeMutablePointer<CChar>?
    guard krb5_unparse_name(context.raw, principal, &text) == 0, let text else {
      return "an unreadable principal"
    }
    defer { krb5_free_unparsed_name(context.raw, text) }
    return String(cString: text)
  }
}

/// The canonical spelling of a principal name, with its realm. No name service is asked.
/// - Throws: `KerberosError` with reason `badArgument`.
public func canonicalPrincipalName(_ text: String) throws(KerberosError) -> String {
  let context = try KerberosContext()
  return try PrincipalName(text, in: context).text
}

/// The default realm of this process's Kerberos configuration, nil when it has none.
public func defaultRealmName() -> String? {
  guard let context = try? KerberosContext() else { return nil }
  return context.defaultRealm
}
