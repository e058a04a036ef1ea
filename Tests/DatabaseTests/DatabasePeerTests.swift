import Cluster
import Testing

@testable import Database

@Suite("Who may talk with a database")
struct DatabasePeerTests {
  func admitted(
    _ peer: String, _ service: Principal, _ indicators: [String] = []
  ) throws(DatabaseAccessError) -> DatabasePeer {
    try DatabasePeer.admitted(peer: peer, service: service.text, indicators: indicators, at: identity)
  }

  @Test("the holder of an office of our realm with an election's ticket is a commander")
  func commander() throws {
    #expect(
      try admitted("keyval-commander/17@KEYVAL.TEST", identity.command, ["commander"]) == .commander(Term(17))
    )
  }

  @Test(
    "nobody else uses the command service",
    arguments: [
      "keyval-drone/d1@KEYVAL.TEST", "keyval-authority/a1@KEYVAL.TEST", "alice@KEYVAL.TEST",
      "keyval-commander/017@KEYVAL.TEST", "keyval-commander/+1@KEYVAL.TEST", "keyval-commander/0@KEYVAL.TEST",
      "keyval-commander/1/2@KEYVAL.TEST", "keyval-commander/18446744073709551616@KEYVAL.TEST",
      "keyval-commander@KEYVAL.TEST", "keyval-commander/17@OTHER.TEST", "keyval-commander/17", "",
    ])
  func command(peer: String) {
    #expect(throws: DatabaseAccessError.self) { try admitted(peer, identity.command, ["commander"]) }
  }

  @Test("an office without the KDC's mark is no commander")
  func indicator() throws {
    let office = try Principal.office(term: Term(17), realm: realm)
    for indicators in [[], ["Commander"], ["otp"]] {
      #expect(throws: DatabaseAccessError.withoutIndicator(office)) {
        try admitted(office.text, identity.command, indicators)
      }
    }
  }

  @Test("drones and the authority use the data service, nobody else does")
  func dataService() throws {
    #expect(try admitted(firstDrone.text, identity.database) == .drone(firstDrone))
    #expect(try admitted(identity.authority.text, identity.database) == .authority)
    let others = [
      "keyval-authority/a2@KEYVAL.TEST", "keyval-database/db2@KEYVAL.TEST", "alice@KEYVAL.TEST",
      "keyval-commander/17@KEYVAL.TEST", "keyval-drone/d1@OTHER.TEST", "keyval-drone@KEYVAL.TEST",
    ]
    for other in others {
      #expect(throws: DatabaseAccessError.self) { try admitted(other, identity.database) }
    }
  }

  @Test("an election's ticket is good for the command service only")
  func wrongService() {
    #expect(throws: DatabaseAccessError.wrongService(firstDrone)) {
      try admitted(firstDrone.text, identity.database, ["commander"])
    }
  }

  @Test("the authority is itself on a session that this database dialled")
  func outbound() throws {
    #expect(try admitted(identity.authority.text, identity.authority) == .authority)
    #expect(throws: DatabaseAccessError.self) { try admitted(firstDrone.text, firstDrone) }
  }
}
