import Cluster
import Testing

@testable import Commander

@Suite("The commander and the access list") struct AccessListTests {
  typealias N = HarnessNames

  @Test("a list that changed is signed as this cluster's and term's, and sent to all that answered")
  func publishes() throws {
    var office = TestOffice.settled()
    office.feed(.accessListChanged(N.accessList(2)))
    let list = try #require(office.tick().signedAccessList)
    #expect(list.cluster == N.cluster && list.term == Term(1) && list.version == 2)
    #expect(list.text == N.accessList(2).text && list.expiry > office.wall)
    #expect(office.tick().signedAccessList == nil, "one signature at a time")
    #expect(office.sign(list).publishedAccessLists == [N.drone(0), N.drone(1), N.drone(2)])
  }

  @Test("an older list than the one that is there, or the same again, changes nothing")
  func older() {
    var office = TestOffice.settled()
    office.handOver(5)
    for version in [4, 5] as [UInt64] {
      #expect(office.handOver(version).isEmpty)
      #expect(office.tick().signedAccessList == nil)
    }
  }

  @Test("it is sent again to whoever reports an older one, or none, and to nobody else")
  func repeats() {
    var office = TestOffice.settled()
    office.handOver(2)
    for old in [(0, 0), (1, 1), (0, 2)] as [(UInt64, UInt64)] {
      #expect(office.report(1, access: old).publishedAccessLists == [N.drone(1)])
    }
    #expect(office.report(1, access: (1, 2)).publishedAccessLists.isEmpty)
  }

  @Test("a drone that has an older list, or none, gets no renewal; one that has it from an earlier term does")
  func renewal() {
    var office = TestOffice.settled(term: 3)
    let held = office.holdings(of: 1)
    #expect(office.report(1, holding: held, access: (3, 1)).renewal != nil)
    #expect(office.report(1, holding: held, access: (2, 1)).renewal != nil)
    #expect(office.report(1, holding: held, access: (0, 0)).renewal == nil)
    office.feed(.accessListChanged(N.accessList(2)))
    let asked = office.tick().signedAccessList
    #expect(office.report(1, holding: held, access: (3, 1)).renewal != nil, "until the new one is in force")
    if let asked { office.sign(asked) }
    #expect(office.report(1, holding: held, access: (3, 1)).renewal == nil)
    #expect(office.report(1, holding: held, access: (3, 2)).renewal?.partitions == office.served(by: 1))
  }

  @Test("a commander without a list renews nothing and publishes none")
  func none() {
    var office = TestOffice.settled()
    office.core.access = AccessPublication()
    let actions = office.report(1, holding: office.holdings(of: 1), access: (1, 1))
    #expect(actions.renewal == nil && actions.publishedAccessLists.isEmpty)
    #expect(office.tick().signedAccessList == nil)
  }

  @Test("a signature that does not come is asked for again")
  func unsigned() {
    var office = TestOffice.settled()
    office.feed(.accessListChanged(N.accessList(2)))
    #expect(office.tick().signedAccessList != nil)
    office.wall += CommanderCore.signingTime
    #expect(office.tick().signedAccessList == nil)
    office.wall += 1
    #expect(office.tick().signedAccessList?.version == 2)
  }

  @Test("it is signed anew at half of its life and with a renewed certificate; who has it is not bothered")
  func refreshed() throws {
    var office = TestOffice.settled()
    office.wall += CommanderCore.mapLife / 2 + 1
    let again = try #require(office.tick().signedAccessList)
    #expect(again.version == 1 && again.expiry == office.wall + CommanderCore.mapLife)
    #expect(office.sign(again).publishedAccessLists.isEmpty)
    office.feed(.certified(certificate: office.certificate, notAfter: N.wallStart + 7200))
    #expect(office.tick().signedAccessList?.version == 1)
  }
}
