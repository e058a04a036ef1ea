/// Whom a line of the access list is about. As in kadm5.acl, `*` stands for one whole component or for the realm:
/// `alice@R`, `*@R` (people), `batch/*@R`, `*/*@*`.
public struct PrincipalPattern: Hashable, Sendable, CustomStringConvertible {
  /// Nil: any.
  private let primary: String?
  private let instance: String?
  private let hasInstance: Bool
  private let realm: String?

  /// - Throws: what is wrong with the text.
  init(_ text: String) throws(AccessListError.Problem) {
    let halves = text.split(separator: "@", omittingEmptySubsequences: false)
    guard halves.count == 2, let name = halves.first, let realm = halves.last, !realm.isEmpty else {
      throw halves.count < 3 ? .noRealm(text) : .badPattern(text)
    }
    let components = name.split(separator: "/", omittingEmptySubsequences: false)
    guard let primary = components.first, components.count <= 2 else { throw .badPattern(text) }
    self.primary = try Self.component(primary, of: text)
    hasInstance = components.count == 2
    instance = hasInstance ? try Self.component(components[1], of: text) : nil
    self.realm = try Self.component(realm, of: text)
  }

  private static func component(
    _ part: Substring, of text: String
  ) throws(AccessListError.Problem) -> String? {
    if part == "*" { return nil }
    guard !part.contains("*") else { throw .partialWildcard(String(part)) }
    // What can be a primary can be any part of a principal.
    guard (try? Principal("\(part)@R")) != nil, !part.contains("/") else { throw .badPattern(text) }
    return String(part)
  }

  public func fits(_ principal: Principal) -> Bool {
    hasInstance == (principal.instance != nil)
      && (primary == nil || primary == principal.primary)
      && (instance == nil || instance == principal.instance)
      && (realm == nil || realm == principal.realm)
  }

  public var description: String {
    (primary ?? "*") + (hasInstance ? "/" + (instance ?? "*") : "") + "@" + (realm ?? "*")
  }
}
