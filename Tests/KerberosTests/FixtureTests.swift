import Glibc
import Testing

@testable import KerberosFixture

@Suite("The fixture itself")
struct FixtureTests {
  @Test("a closed fixture leaves no process and no file behind")
  func closing() throws {
    let fixture = try KerberosFixture()
    let (directory, log) = (fixture.directory, fixture.kdcLog)
    #expect(log.contains("commencing operation"))
    for _ in 0..<2 { fixture.close() }
    #expect(access(directory, F_OK) != 0)
  }

  @Test("fixtures may come and go in any number, under names that never repeat")
  func many() throws {
    var names: Set<String> = []
    for _ in 0..<200 {
      let slot = try Slots.take()
      names.insert(slot.realm)
      #expect(rmdir(slot.directory) == 0)
      Slots.giveBack(slot)
    }
    #expect(names.count == 200)
  }

  @Test("realms side by side know nothing of each other's principals")
  func sideBySide() throws {
    let (left, right) = (try KerberosFixture(), try KerberosFixture())
    let password = try left.addUser("alice")
    try right.addUser("alice")
    _ = try (left.cache(of: "alice"), right.cache(of: "alice"))
    #expect(throws: (any Error).self) {
      try right.realm.kinit(principal: right.principal("alice"), password: password, cache: right.path("x"))
    }
    #expect(left.realm.ports != right.realm.ports)
  }
}
