import Wire

/// A Kerberos principal with its realm, such as `keyval-drone/d1@KEYVAL.TEST`: the only identity there is.
///
/// Components are limited to letters, digits and `. _ - $ +` so that no name needs quoting anywhere (RFC 4120
/// allows more; a principal outside this set is refused with `PrincipalError`).
public struct Principal: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Kept together: principals are copied and compared all the time, and hardly ever made.
  private final class Name: Sendable {
    let text: String
    let primary: String
    let instance: String?
    let realm: String

    init(text: String, primary: String, instance: String?, realm: String) {
      self.text = text
      self.primary = primary
      self.instance = instance
      self.realm = realm
    }
  }

  private let name: Name

  public var text: String { name.text }
  /// The first component: the role of a node, or the name of a person.
  public var primary: String { name.primary }
  /// The second component, nil for people.
  public var instance: String? { name.instance }
  public var realm: String { name.realm }

  public static let maximumLength = 255

  /// Throws `PrincipalError` when the text is not `primary[/instance]@REALM`.
  public init(_ text: String) throws(PrincipalError) {
    guard text.utf8.count <= Self.maximumLength else { throw PrincipalError(text: text) }
    let halves = text.split(separator: "@", omittingEmptySubsequences: false)
    guard halves.count == 2 else { throw PrincipalError(text: text) }
    let components = halves[0].split(separator: "/", omittingEmptySubsequences: false)
    guard components.count <= 2, components.allSatisfy(Self.isComponent), Self.isComponent(halves[1])
    else { throw PrincipalError(text: text) }
    name = Name(
      text: text, primary: String(components[0]),
      instance: components.count == 2 ? String(components[1]) : nil, realm: String(halves[1]))
  }

  /// A node's principal in a role.
  public init(role: Role, node: String, realm: String) throws(PrincipalError) {
    try self.init("\(role.rawValue)/\(node)@\(realm)")
  }

  /// The office of a term: `keyval-commander/TERM@REALM`.
  public static func office(term: Term, realm: String) throws(PrincipalError) -> Principal {
    try Principal(role: .commander, node: String(term.number), realm: realm)
  }

  public var description: String { text }
  // The text says it all; the parts of it need not be compared again.
  public static func == (left: Principal, right: Principal) -> Bool {
    left.name === right.name || left.text == right.text
  }
  public static func < (left: Principal, right: Principal) -> Bool { left.text < right.text }
  public func hash(into hasher: inout Hasher) { hasher.combine(text) }

  /// The role that the first component names, if it is one of ours and an instance follows.
  public var role: Role? { instance == nil ? nil : Role(rawValue: primary) }

  /// The term of an office principal: exactly the canonical decimal form, no sign, no leading zero.
  public var officeTerm: Term? {
    guard role == .commander, let instance, let number = UInt64(instance), String(number) == instance,
      number > 0
    else { return nil }
    return Term(number)
  }

  /// The command service of a database: `keyval-command/NODE` for `keyval-database/NODE`; nil for others.
  public var commandService: Principal? {
    guard role == .database, let instance else { return nil }
    return try? Principal(role: .command, node: instance, realm: realm)
  }

  /// The member of a cluster that this is or that it is a service of: a drone, or the database of a command service.
  public var node: Principal? {
    switch role {
    case .drone, .database: self
    case .command: instance.flatMap { try? Principal(role: .database, node: $0, realm: realm) }
    case .authority, .commander, nil: nil
    }
  }

  /// The name an operator uses: the instance of a node, else the primary.
  public var shortName: String { instance ?? primary }

  private static func isComponent(_ text: Substring) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
          UInt8(ascii: "$"), UInt8(ascii: "+"):
          true
        default: false
        }
      }
  }
}

/// What a node's principal stands for; the raw value is the principal's first component.
public enum Role: String, Sendable, CaseIterable {
  case drone = "keyval-drone"
  case database = "keyval-database"
  /// The database's command service, for the commander alone.
  case command = "keyval-command"
  case authority = "keyval-authority"
  /// The office, not a node: `keyval-commander/TERM`.
  case commander = "keyval-commander"

  /// Without the prefix that marks it in a realm: `drone`.
  public var shortName: String { String(rawValue.dropFirst("keyval-".count)) }
}

public struct PrincipalError: Error, Equatable, Sendable, CustomStringConvertible {
  public let text: String
  public var description: String {
    "‘\(text.prefix(80))’ is not a principal: write primary@REALM or role/node@REALM in letters, digits and . _ - $ +"
  }
}

extension Principal: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(text: text) }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let offset = reader.offset
    let text = try reader.readText(maximum: Self.maximumLength)
    guard let principal = try? Principal(text) else {
      throw .outOfRange(field: "a principal", offset: offset)
    }
    self = principal
  }
}
