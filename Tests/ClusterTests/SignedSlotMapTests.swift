import Cryptography
import Testing
import Wire

@testable import Cluster

@Suite("Signed slot maps") struct SignedSlotMapTests {
  private func verify(
    _ map: SignedSlotMap, cluster: String = Fixture.cluster, minimumTerm: UInt64 = 7,
    verifier: ElectionVerifier = Fixture.verifier, now: Int64 = Fixture.now
  ) throws(BeliefError) -> SlotMap {
    try map.verified(by: verifier, cluster: cluster, minimumTerm: Term(minimumTerm), now: now)
  }

  /// The first word of the error's case.
  private func refusal(_ map: SignedSlotMap, _ verify: (SignedSlotMap) throws(BeliefError) -> SlotMap)
    -> String
  {
    do throws(BeliefError) {
      _ = try verify(map)
      return "believed"
    } catch {
      return String("\(Mirror(reflecting: error).children.first?.label ?? "\(error)")")
    }
  }

  @Test("a map signed with the election key of its term is believed")
  func believed() throws {
    #expect(try verify(Fixture.signed()) == Fixture.map())
    #expect(try verify(SignedSlotMap.decode(Fixture.signed().encoded()), minimumTerm: 0) == Fixture.map())
  }

  @Test("a map altered in any byte is refused")
  func altered() {
    let map = Fixture.signed()
    for position in map.body.indices {
      var body = map.body
      body[position] ^= 1
      let forged = SignedSlotMap(body: body, signature: map.signature, certificate: map.certificate)
      #expect(refusal(forged) { m throws(BeliefError) in try verify(m) } == "badSignature")
    }
    for position in map.signature.indices {
      var signature = map.signature
      signature[position] ^= 1
      let forged = SignedSlotMap(body: map.body, signature: signature, certificate: map.certificate)
      #expect(refusal(forged) { m throws(BeliefError) in try verify(m) } == "badSignature")
    }
    for position in map.certificate.indices {
      var certificate = map.certificate
      certificate[position] ^= 1
      let forged = SignedSlotMap(body: map.body, signature: map.signature, certificate: certificate)
      #expect(throws: BeliefError.self) { try verify(forged) }
    }
  }

  @Test("a map signed with another key than the certified one is refused")
  func otherKey() throws {
    let key = try P256PrivateKey.generate()
    let map = try SignedSlotMap(Fixture.map(), key: key, certificate: Fixture.certificate())
    #expect(refusal(map) { m throws(BeliefError) in try verify(m) } == "badSignature")
  }

  @Test("a signature over the bare body means nothing: it carries no context")
  func context() throws {
    let body = Fixture.map().encoded()
    let map = SignedSlotMap(
      body: body, signature: try Fixture.electionKey.sign(body), certificate: Fixture.certificate())
    #expect(refusal(map) { m throws(BeliefError) in try verify(m) } == "badSignature")
  }

  @Test("a certificate of another CA, expired or not begun is refused")
  func certificates() {
    let foreign = Fixture.signed(certificate: Fixture.certificate(authority: Fixture.otherAuthority))
    #expect(refusal(foreign) { m throws(BeliefError) in try verify(m) } == "badCertificate")
    let expired = Fixture.signed(certificate: Fixture.certificate(notAfter: Fixture.now))
    #expect(refusal(expired) { m throws(BeliefError) in try verify(m) } == "badCertificate")
    let early = Fixture.signed(certificate: Fixture.certificate(notBefore: Fixture.now + 1))
    #expect(refusal(early) { m throws(BeliefError) in try verify(m) } == "badCertificate")
    let noAnchor = ElectionVerifier(anchors: [], realm: Fixture.realm)
    let verified = refusal(Fixture.signed()) { m throws(BeliefError) in try verify(m, verifier: noAnchor) }
    #expect(verified == "badCertificate")
  }

  @Test("a map of a lower term than one that was seen is refused")
  func oldTerm() {
    #expect(refusal(Fixture.signed()) { m throws(BeliefError) in try verify(m, minimumTerm: 8) } == "oldTerm")
  }

  @Test("a map of another cluster is refused, and one that has expired")
  func clusterAndExpiry() {
    let other = Fixture.signed(Fixture.map(cluster: "other"))
    #expect(refusal(other) { m throws(BeliefError) in try verify(m) } == "otherCluster")
    let map = Fixture.signed(Fixture.map(expiry: Fixture.now))
    #expect(refusal(map) { m throws(BeliefError) in try verify(m) } == "expired")
  }

  @Test("a certified commander signs only for its own term and name")
  func ownOffice() {
    let term = Fixture.signed(Fixture.map(term: 8))
    #expect(refusal(term) { m throws(BeliefError) in try verify(m) } == "badSignature")
    let name = Fixture.signed(Fixture.map(commander: Fixture.d2))
    #expect(refusal(name) { m throws(BeliefError) in try verify(m) } == "badSignature")
  }

  @Test("a correctly signed body that is no map is malformed")
  func malformed() throws {
    let body: [UInt8] = [0x80]
    let map = SignedSlotMap(
      body: body, signature: try Fixture.electionKey.sign(SignedSlotMap.context + body),
      certificate: Fixture.certificate())
    #expect(refusal(map) { m throws(BeliefError) in try verify(m) } == "malformed")
  }

  @Test("a certificate shown by somebody else than its winner is borrowed")
  func borrowed() throws {
    let certificate = Fixture.certificate()
    let office = try Fixture.verifier.verify(
      certificate: certificate, peer: Fixture.d1, minimumTerm: Term(7), now: Fixture.now)
    #expect(office.term == Term(7) && office.winner == Fixture.d1)
    #expect(throws: BeliefError.self) {
      try Fixture.verifier.verify(
        certificate: certificate, peer: Fixture.d2, minimumTerm: Term(7), now: Fixture.now)
    }
  }

  @Test("a certificate of another realm is no office of this one")
  func otherRealm() throws {
    let winner = Fixture.principal(.drone, "d1", realm: "OTHER.TEST")
    let certificate = Fixture.certificate(winner: winner)
    #expect(throws: BeliefError.self) {
      try Fixture.verifier.verify(certificate: certificate, minimumTerm: .none, now: Fixture.now)
    }
  }

  @Test("maps are ordered by term, then version")
  func order() {
    #expect(Fixture.map().isNewer(than: nil) && !Fixture.map().isNewer(than: Fixture.map()))
    #expect(Fixture.map(version: 4).isNewer(than: Fixture.map(version: 3)))
    #expect(Fixture.map(term: 8, version: 1).isNewer(than: Fixture.map(term: 7, version: 9)))
    #expect(!Fixture.map(term: 6, version: 9).isNewer(than: Fixture.map(term: 7, version: 1)))
  }

  @Test("a map tells owner, partitions and address")
  func lookups() {
    let map = Fixture.map()
    #expect(map.owner(of: Partition.all[0])?.principal == Fixture.d1)
    #expect(map.owner(of: Partition.all[2]) == nil)
    #expect(map.partitions(of: Fixture.d1).count == 171 && map.partitions(of: Fixture.d2).count == 171)
    #expect(map.endpoint(of: Fixture.d2)?.description == "[::1]:7002")
    #expect(map.endpoint(of: Fixture.database) == nil)
  }
}
