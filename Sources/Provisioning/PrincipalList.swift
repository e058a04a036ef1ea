import Kerberos
import RealmTemplates

/// Principals to be created, as the lists in `Realm/` describe them; made into kadmin's commands.
struct PrincipalList {
  enum Key {
    /// A random key, for this keytab.
    case keytab(String)
    /// A one-time password, good for this many seconds.
    case once(String, seconds: Int)
    /// A person's password.
    case password(String)
    /// The key of a trust between realms.
    case trust(String)
  }

  private(set) var commands: [String] = []

  /// The certificate rule that no certificate fits: `Realm/principals` says why everybody has it.
  static let neverMatching = "pkinit_cert_match \"<SUBJECT>^never$\""

  /// Adds the principals of a list.
  /// - Parameter key: what the principal of this name gets.
  mutating func add(
    _ template: String, _ values: [String: String], key: (String) -> Key
  ) throws(ProvisioningError) {
    guard let text = RealmTemplates.render(template, values) else {
      throw ProvisioningError(.input, "A list of principals has a place that nothing fills.")
    }
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ").map(String.init)
      guard let name = words.first, words.count > 1 else { continue }
      try add(name, Array(words.dropFirst(2)), key(name))
    }
  }

  /// The policies of the list, by name, as what `addpol` takes in front of it.
  static var policies: [(name: String, options: String)] {
    RealmTemplates.policies.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
      let halves = line.split(separator: " ", maxSplits: 1)
      guard halves.count == 2 else { return nil }
      return (String(halves[0]), String(halves[1].drop { $0 == " " }))
    }
  }

  mutating func add(_ name: String, _ attributes: [String], _ key: Key) throws(ProvisioningError) {
    try PrincipalText.requireName(String(name.split(separator: "@")[0]))
    var options: [String] = []
    var strings: [String] = []
    var policy = "-clearpolicy"
    var words = attributes[...]
    while let word = words.popFirst() {
      switch word {
      case "maxlife": options.append("-maxlife \(words.popFirst() ?? "0")s")
      case "policy": policy = "-policy \(words.popFirst() ?? "")"
      case "string":
        let pair = (words.popFirst() ?? "").split(separator: "=", maxSplits: 1)
        guard pair.count == 2 else { throw ProvisioningError(.input, "“string” needs NAME=VALUE.") }
        strings.append("setstr \(name) \(pair[0]) \"\(pair[1])\"")
      default:
        guard word.hasPrefix("+") || word.hasPrefix("-") else {
          throw ProvisioningError(.input, "“\(word)” is no attribute of a principal.")
        }
        options.append(word)
      }
    }
    switch key {
    case .keytab: options.append("-randkey")
    case .once(let password, let seconds):
      options.append("+needchange -expire \"\(seconds) seconds\" -pw \(try quoted(password))")
    case .password(let password), .trust(let password): options.append("-pw \(try quoted(password))")
    }
    commands.append("addprinc \(policy) \(options.joined(separator: " ")) \(name)")
    commands.append("setstr \(name) \(Self.neverMatching)")
    commands += strings
    if case .keytab(let path) = key {
      commands.append("ktadd -k \(try PrincipalText.quoted(path, "path")) -norandkey \(name)")
    }
  }

  private func quoted(_ password: String) throws(ProvisioningError) -> String {
    try PrincipalText.quoted(password, "password")
  }
}
