import Glibc

/// Where the programs of MIT Kerberos are. Debian keeps the daemons in /usr/sbin, which is not on everybody's
/// PATH.
enum Programs {
  private static let usual = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/sbin", "/bin"]

  static func find(_ name: String, package: String) throws(ProvisioningError) -> String {
    let path = getenv("PATH").map { String(cString: $0).split(separator: ":").map(String.init) } ?? []
    for directory in path + usual where access("\(directory)/\(name)", X_OK) == 0 {
      return "\(directory)/\(name)"
    }
    throw ProvisioningError(
      .missingProgram, "The program \(name) is not installed. On Debian or Ubuntu: apt-get install \(package)"
    )
  }

  static func krb5kdc() throws(ProvisioningError) -> String { try find("krb5kdc", package: "krb5-kdc") }
  static func databaseUtility() throws(ProvisioningError) -> String {
    try find("kdb5_util", package: "krb5-kdc")
  }
  static func kadmind() throws(ProvisioningError) -> String {
    try find("kadmind", package: "krb5-admin-server")
  }
  static func kadminLocal() throws(ProvisioningError) -> String {
    try find("kadmin.local", package: "krb5-admin-server")
  }
  static func kinit() throws(ProvisioningError) -> String { try find("kinit", package: "krb5-user") }

  /// Finds out before anything is made whether everything is there.
  static func requireAll() throws(ProvisioningError) {
    _ = try krb5kdc()
    _ = try databaseUtility()
    _ = try kadmind()
    _ = try kadminLocal()
    _ = try kinit()
    let plugin = [
      "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib",
    ].map { "\($0)/krb5/plugins/preauth/pkinit.so" }
    guard plugin.contains(where: { access($0, R_OK) == 0 }) else {
      throw ProvisioningError(
        .missingProgram,
        "The PKINIT plug-in of MIT Kerberos is not installed. On Debian or Ubuntu: apt-get install krb5-pkinit"
      )
    }
  }
}
