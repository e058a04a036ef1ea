import Glibc
import Kerberos
import KerberosFixture
import Testing

@Suite("Offices at the KDC")
struct KadminTests {
  let fixture: KerberosFixture
  let kadmin: Kadmin
  init() throws {
    fixture = try sharedFixture()
    kadmin = try fixture.kadmin()
  }

  private func fingerprint(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }

  @Test("creating an office is a compare-and-set: again for the same key, never for another")
  func compareAndSet() throws {
    #expect(try kadmin.createOffice(term: 2_001, keyFingerprint: fingerprint(1)) == .created)
    #expect(try kadmin.createOffice(term: 2_001, keyFingerprint: fingerprint(1)) == .existed)
    expectRefusal(.burnt, saying: fixture.officePrincipal(2_001), "higher term") {
      try kadmin.createOffice(term: 2_001, keyFingerprint: fingerprint(2))
    }
    #expect(try kadmin.officeFingerprint(term: 2_001) == fingerprint(1))
    #expect(try kadmin.createOffice(term: 2_001, keyFingerprint: fingerprint(1)) == .existed)
  }

  @Test("an office that bears no fingerprint is burnt")
  func withoutFingerprint() throws {
    try fixture.realm.administer(["addprinc -clearpolicy -nokey keyval-commander/2005"])
    expectRefusal(.burnt) { try kadmin.createOffice(term: 2_005, keyFingerprint: fingerprint(1)) }
    #expect(try kadmin.officeFingerprint(term: 2_005) == nil)
  }

  @Test("of many who create one office at the same time, those with one key win and all others lose")
  func race() throws {
    let results = Results()
    let kadmin = kadmin
    onThreads(6) { thread in
      let print = [UInt8](repeating: UInt8(thread), count: 32)
      do throws(KerberosError) {
        let outcome = try kadmin.createOffice(term: 2_010, keyFingerprint: print)
        results.add("\(outcome)", by: thread)
      } catch { results.add(error.reason.rawValue, by: thread) }
    }
    let outcomes = results.all.map(\.value)
    #expect(outcomes.filter { $0 == "created" }.count == 1)
    #expect(outcomes.filter { $0 == "burnt" }.count == 5)
    let winner = try #require(results.all.first { $0.value == "created" }?.key)
    #expect(try kadmin.officeFingerprint(term: 2_010) == fingerprint(UInt8(winner)))
  }

  @Test("offices are listed in their order, and deleting one that is gone is no error")
  func listAndDelete() throws {
    let own = try KerberosFixture()
    let kadmin = try own.kadmin()
    #expect(try kadmin.listOffices() == [])
    for term: UInt64 in [9, 10, 2, .max] {
      try kadmin.createOffice(term: term, keyFingerprint: fingerprint(1))
    }
    try own.realm.administer(["addprinc -clearpolicy -nokey keyval-commander/007"])
    #expect(try kadmin.listOffices() == [2, 9, 10, .max])
    for _ in 0..<2 { try kadmin.deleteOffice(term: 9) }
    #expect(try kadmin.listOffices() == [2, 10, .max])
    expectRefusal(.clientUnknown) { try kadmin.officeFingerprint(term: 9) }
  }

  @Test("the access list lets the authority touch drones and offices, and nothing else")
  func accessList() throws {
    let password = OneTimePassword.generate()
    for name in ["keyval-database/x", "keyval-command/x", "keyval-authority/x", "alice", "krbtgt/ELSEWHERE"] {
      expectRefusal(.notPermitted, saying: fixture.principal(name), "kadm5.acl") {
        try kadmin.createNode(principal: fixture.principal(name), oneTimePassword: password)
      }
    }
    let user = uniqueName("user")
    try fixture.addUser(user)
    expectRefusal(.notPermitted) { try kadmin.clearExpiry(principal: fixture.principal(user)) }
  }

  @Test("a drone's key administers nothing")
  func drone() throws {
    let name = "keyval-drone/\(uniqueName("d"))"
    let keytab = try fixture.addService(name)
    let drone = try Kadmin(keytab: keytab, principal: fixture.principal(name))
    expectRefusal(.notPermitted) { try drone.createOffice(term: 2_020, keyFingerprint: fingerprint(1)) }
    expectRefusal(.notPermitted) { try drone.listOffices() }
    expectRefusal(.notPermitted) { try drone.clearExpiry(principal: fixture.principal(name)) }
  }

  @Test("a fingerprint of another length is refused")
  func fingerprintLength() throws {
    expectRefusal(.badArgument) { try kadmin.createOffice(term: 2_030, keyFingerprint: [1, 2, 3]) }
  }
}
