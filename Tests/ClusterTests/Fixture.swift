import Cluster
import Cryptography

/// Names, an election CA and maps that the tests of this target share.
enum Fixture {
  static let realm = "KEYVAL.TEST"
  static let cluster = "test"
  static let now: Int64 = 1_800_000_000

  static func principal(_ role: Role, _ node: String, realm: String = realm) -> Principal {
    try! Principal(role: role, node: node, realm: realm)
  }

  static let d1 = principal(.drone, "d1")
  static let d2 = principal(.drone, "d2")
  static let database = principal(.database, "db1")

  static let authority = try! CertificateAuthority.create(
    name: "Election CA", realm: realm, notBefore: now - 86_400, notAfter: now + 86_400)
  static let otherAuthority = try! CertificateAuthority.create(
    name: "Election CA", realm: realm, notBefore: now - 86_400, notAfter: now + 86_400)
  static let electionKey = try! P256PrivateKey.generate()
  static let verifier = ElectionVerifier(anchors: [authority.anchor], realm: realm)

  static func certificate(
    term: UInt64 = 7, winner: Principal = d1, key: P256PrivateKey = electionKey,
    authority: CertificateAuthority = authority, notBefore: Int64 = now - 60, notAfter: Int64 = now + 3_600
  ) -> [UInt8] {
    try! authority.issueElectionCertificate(
      publicKey: key.publicKey, term: term, winner: winner.text, realm: winner.realm, notBefore: notBefore,
      notAfter: notAfter)
  }

  static func map(
    cluster: String = cluster, term: UInt64 = 7, version: UInt64 = 3, expiry: Int64 = now + 60,
    commander: Principal = d1
  ) -> SlotMap {
    SlotMap(
      cluster: cluster, term: Term(term), version: version, expiry: expiry, commander: commander,
      drones: [
        .init(principal: d1, endpoint: Endpoint(host: "127.0.0.1", port: 7001)),
        .init(
          principal: d2, endpoint: Endpoint(host: "::1", port: 7002), draining: Incarnation(9)),
      ],
      owners: Partition.all.map { $0.index % 3 == 2 ? nil : $0.index % 3 })!
  }

  static func signed(_ map: SlotMap = map(), certificate: [UInt8] = certificate()) -> SignedSlotMap {
    try! SignedSlotMap(map, key: electionKey, certificate: certificate)
  }

  static func access(
    cluster: String = cluster, term: UInt64 = 7, version: UInt64 = 3, expiry: Int64 = now + 60
  ) -> PublishedAccessList {
    PublishedAccessList(
      cluster: cluster, term: Term(term), version: version, expiry: expiry, text: [UInt8]("a@R r\n".utf8))
  }

  static func signedAccess(
    _ published: PublishedAccessList = access(), certificate: [UInt8] = certificate()
  ) -> SignedAccessList {
    try! SignedAccessList(published, key: electionKey, certificate: certificate)
  }

  static let sealingKey = SealingKey(identifier: 5, key: [UInt8](repeating: 9, count: 32))!
  static let grant = Grant(
    partitions: PartitionSet(Partition.all[3...40]), incarnation: Incarnation(77),
    token: FencingToken(term: Term(7), counter: 2))

  static func sealed(_ grant: Grant = grant, key: SealingKey = sealingKey) -> SealedGrant {
    try! SealedGrant(
      grant, cluster: cluster, database: database, drone: d1, key: key, salt: SecureRandom.bytes(32))
  }
}
