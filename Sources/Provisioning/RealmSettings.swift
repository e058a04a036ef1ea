/// What distinguishes one realm from another; kept in the realm's directory as `realm.conf`.
public struct RealmSettings: Sendable, Equatable {
  /// The realm's name, upper case by custom: letters, digits, dots and hyphens.
  public var realm: String
  /// The IPv4 address that the daemons listen on.
  public var host: String
  /// nil: free ones, drawn anew if another process is faster.
  public var ports: RealmPorts?
  /// The node name of the authority, as in `keyval-authority/a1`.
  public var authority: String
  /// By how many seconds clocks may differ, and tickets outlive themselves.
  public var clockSkew: Int

  public init(
    realm: String, host: String = "127.0.0.1", ports: RealmPorts? = nil, authority: String = "a1",
    clockSkew: Int = 30
  ) {
    self.realm = realm
    self.host = host
    self.ports = ports
    self.authority = authority
    self.clockSkew = clockSkew
  }

  func validate() throws(ProvisioningError) {
    try PrincipalText.requireRealm(realm)
    try PrincipalText.requireComponent(authority, "node name")
    guard host.split(separator: ".", omittingEmptySubsequences: false).count == 4,
      host.split(separator: ".").allSatisfy({ UInt8($0) != nil })
    else { throw ProvisioningError(.input, "“\(host)” is no IPv4 address: write it as 192.0.2.1.") }
    guard (1...300).contains(clockSkew) else {
      throw ProvisioningError(.input, "A clock skew of \(clockSkew) s is out of range: 1 to 300.")
    }
  }
}

/// Which texts may go into names, configuration files and kadmin's command lines.
enum PrincipalText {
  private static func isPlain(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
  }

  static func requireRealm(_ text: String) throws(ProvisioningError) {
    guard !text.isEmpty, text.count <= 200, text.allSatisfy(isPlain), text.first != "-" else {
      throw ProvisioningError(
        .input, "“\(text)” is no realm name: use letters, digits, dots and hyphens, as in KEYVAL.EXAMPLE.")
    }
  }

  static func requireComponent(_ text: String, _ what: String) throws(ProvisioningError) {
    guard !text.isEmpty, text.count <= 100, text.allSatisfy(isPlain), text.first != "-" else {
      throw ProvisioningError(
        .input, "“\(text)” is no \(what): use up to 100 letters, digits, dots, underscores and hyphens.")
    }
  }

  /// A name without its realm: plain components, separated by slashes.
  static func requireName(_ text: String) throws(ProvisioningError) {
    for component in text.split(separator: "/", omittingEmptySubsequences: false) {
      try requireComponent(String(component), "principal name")
    }
  }

  /// Quotes a word for kadmin's command language, which doubles quotation marks.
  static func quoted(_ text: String, _ what: String) throws(ProvisioningError) -> String {
    guard !text.isEmpty, text.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
      throw ProvisioningError(.input, "A \(what) must not be empty or hold control characters.")
    }
    return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
      + "\""
  }
}
