import Cryptography
import Testing
import Wire

@testable import Cluster

@Suite("Signed access lists") struct SignedAccessListTests {
  private func refusal(
    _ list: SignedAccessList, minimumTerm: UInt64 = 7, now: Int64 = Fixture.now
  ) -> String {
    do throws(BeliefError) {
      _ = try list.verified(
        by: Fixture.verifier, cluster: Fixture.cluster, minimumTerm: Term(minimumTerm), now: now)
      return "believed"
    } catch {
      return "\(Mirror(reflecting: error).children.first?.label ?? "\(error)")"
    }
  }

  @Test("a list signed with the election key of its term is believed, also after its way over the wire")
  func believed() throws {
    let list = try SignedAccessList.decode(Fixture.signedAccess().encoded())
    let published = try list.verified(
      by: Fixture.verifier, cluster: Fixture.cluster, minimumTerm: Term(7), now: Fixture.now)
    #expect(published == Fixture.access())
  }

  @Test(
    "a list altered in any byte, of another cluster, of an old term, expired, or with another's key is refused"
  )
  func refused() throws {
    let list = Fixture.signedAccess()
    for position in list.body.indices {
      var body = list.body
      body[position] ^= 1
      let forged = SignedAccessList(body: body, signature: list.signature, certificate: list.certificate)
      #expect(refusal(forged) == "badSignature")
    }
    #expect(refusal(Fixture.signedAccess(Fixture.access(cluster: "other"))) == "otherCluster")
    #expect(refusal(list, minimumTerm: 8) == "oldTerm")
    #expect(refusal(Fixture.signedAccess(Fixture.access(term: 8))) == "badSignature")
    #expect(refusal(list, now: Fixture.now + 60) == "expired")
    let foreign = Fixture.certificate(authority: Fixture.otherAuthority)
    #expect(refusal(Fixture.signedAccess(certificate: foreign)) == "badCertificate")
    let stranger = try SignedAccessList(
      Fixture.access(), key: P256PrivateKey.generate(), certificate: Fixture.certificate())
    #expect(refusal(stranger) == "badSignature")
  }

  @Test("the signature of a slot map signs no access list, whatever the bytes")
  func context() throws {
    let body = Fixture.access().encoded()
    let signature = try Fixture.electionKey.sign(SignedSlotMap.context + body)
    let list = SignedAccessList(body: body, signature: signature, certificate: Fixture.certificate())
    #expect(refusal(list) == "badSignature")
  }

  @Test("the longest list travels, and a longer one is refused before it is kept")
  func longest() throws {
    let text = [UInt8](repeating: 35, count: AccessList.maximumLength)
    let longest = PublishedAccessList(
      cluster: Fixture.cluster, term: Term(.max), version: .max, expiry: .max, text: text)
    let signed = Fixture.signedAccess(longest).encoded()
    #expect(try SignedAccessList.decode(signed).body == longest.encoded())
    #expect(signed.count < Limits.maximumPlaintextLength)
    let longer = PublishedAccessList(
      cluster: "c", term: Term(1), version: 1, expiry: 1, text: text + [35])
    #expect(throws: CBORError.self) { try PublishedAccessList.decode(longer.encoded()) }
    #expect(throws: CBORError.self) {
      try NumberedAccessList.decode(NumberedAccessList(version: 1, text: text + [35]).encoded())
    }
  }
}
