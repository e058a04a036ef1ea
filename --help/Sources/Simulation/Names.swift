import Cluster
import Cryptography

/// Names and keys that all runs share. The election CA is real, and so is everything that it signs: the cores
/// verify what they verify in earnest.
enum Names {
  static let realm = "KEYVAL.TEST"
  static let cluster = "simulated"
  /// Seconds since 1970 when a run begins.
  static let wallStart: Int64 = 1_800_000_000

  static let authority = principal(.authority, "a1")
  static let database = principal(.database, "db1")
  static let command = principal(.command, "db1")
  static func drone(_ index: Int) -> Principal {
    index < drones.count ? drones[index] : principal(.drone, "d\(index + 1)")
  }
  private static let drones = (1...8).map { principal(.drone, "d\($0)") }

  private static func principal(_ role: Role, _ node: String) -> Principal {
    guard let principal = try? Principal(role: role, node: node, realm: realm) else {
      preconditionFailure("\(role.rawValue)/\(node) is no principal")
    }
    return principal
  }

  static func endpoint(_ principal: Principal) -> Endpoint {
    Endpoint(host: principal.shortName, port: 6234)
  }

  static func node(_ principal: Principal) -> RegisteredNode {
    RegisteredNode(principal: principal, endpoint: endpoint(principal))
  }

  static let certificates: CertificateAuthority = {
    guard
      let authority = try? CertificateAuthority.create(
        name: "Election CA", realm: realm, notBefore: wallStart - 864_000, notAfter: wallStart + 8_640_000)
    else { preconditionFailure("no election CA could be made") }
    return authority
  }()

  static let administrator: Principal = {
    guard let principal = try? Principal("root@\(realm)") else { preconditionFailure("root is no principal") }
    return principal
  }()

  /// Of the database's store.
  static let receiptKey: ReceiptKey = {
    guard let key = ReceiptKey(bytes: [UInt8](repeating: 7, count: ReceiptKey.length)) else {
      preconditionFailure("a key of the right length")
    }
    return key
  }()

  static let membershipKey: P256PrivateKey = {
    guard let key = try? P256PrivateKey.generate() else { preconditionFailure("no key could be made") }
    return key
  }()
  static let membershipVerifier = MembershipVerifier(key: membershipKey.publicKey, cluster: cluster)

  static let verifier = ElectionVerifier(
    anchors: [certificates.anchor], realm: realm, memory: SharedVerification())
}
