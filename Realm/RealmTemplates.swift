/// The configuration templates beside this file, as they stand in the binary.
///
/// `PackageResources` is made by SwiftPM from the `.embedInCode` resources on this target's line in
/// Package.swift: a binary creates a realm anywhere, without files of its own.
public enum RealmTemplates {
  /// `krb5.conf` of clients and nodes.
  public static let clientConfiguration = text(PackageResources.krb5_conf)
  /// `krb5.conf` of the KDC, kadmind and kadmin.local.
  public static let serverConfiguration = text(PackageResources.kdc_krb5_conf)
  /// `kdc.conf`
  public static let kdcProfile = text(PackageResources.kdc_conf)
  /// `kadm5.acl`
  public static let administrationList = text(PackageResources.kadm5_acl)
  /// The cluster's access list, which permits one user everything.
  public static let accessList = text(PackageResources.access_acl)
  /// The principals that a realm starts with.
  public static let principals = text(PackageResources.principals)
  /// The principals of a database node.
  public static let databasePrincipals = text(PackageResources.database_principals)
  /// The principal of a drone.
  public static let dronePrincipals = text(PackageResources.drone_principals)
  /// The principal of a person.
  public static let userPrincipals = text(PackageResources.user_principals)

  /// The password policies of a realm.
  public static let policies = text(PackageResources.policies)

  /// A template with its `@NAME@` places filled in.
  ///
  /// - Returns: nil when the template has a place that `values` does not name: half a configuration is worse
  ///   than none.
  public static func render(_ template: String, _ values: [String: String]) -> String? {
    var output = ""
    var rest = template[...]
    while let start = rest.firstIndex(of: "@") {
      output += rest[..<start]
      let after = rest[rest.index(after: start)...]
      let name = after.prefix { $0.isUppercase || $0 == "_" }
      guard !name.isEmpty, after[name.endIndex...].first == "@" else {
        output.append("@")  // an “@” of its own, as in a principal
        rest = after
        continue
      }
      guard let value = values[String(name)] else { return nil }
      output += value
      rest = after[after.index(after: name.endIndex)...]
    }
    return output + rest
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
