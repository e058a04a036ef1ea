import Cluster
import Cryptography

/// Names and keys that all harnesses share.
enum HarnessNames {
  static let realm = "KEYVAL.TEST"
  static let cluster = "test"
  static let wallStart: Int64 = 1_800_000_000

  static func drone(_ index: Int) -> Principal { principal(.drone, "d\(index + 1)") }
  static let authority = principal(.authority, "a1")
  static let database = principal(.database, "db1")
  static let command = principal(.command, "db1")

  static func principal(_ role: Role, _ node: String) -> Principal {
    try! Principal(role: role, node: node, realm: realm)
  }

  static func node(_ principal: Principal, port: UInt16 = 7000) -> RegisteredNode {
    RegisteredNode(principal: principal, endpoint: Endpoint(host: "127.0.0.1", port: port))
  }

  static let electionCA = try! CertificateAuthority.create(
    name: "Election CA", realm: realm, notBefore: wallStart - 86_400, notAfter: wallStart + 864_000)
  static let membershipKey = try! P256PrivateKey.generate()
  static let membershipVerifier = MembershipVerifier(key: membershipKey.publicKey, cluster: cluster)
  static let verifier = ElectionVerifier(anchors: [electionCA.anchor], realm: realm)

  static func accessList(_ version: UInt64) -> NumberedAccessList {
    NumberedAccessList(version: version, text: [UInt8]("alice@\(realm) *\n".utf8))
  }

  static func certificate(term: Term, winner: Principal, key: P256PublicKey, wall: Int64) -> [UInt8] {
    try! electionCA.issueElectionCertificate(
      publicKey: key, term: term.number, winner: winner.text, realm: realm, notBefore: wall - 60,
      notAfter: wall + 3600)
  }
}
