import Cluster
import Drone
import Testing

@Suite("Who may talk with a drone") struct DronePeerTests {
  private func admitted(_ peer: String, members: [Principal] = [Names.drone(2)]) -> DronePeer? {
    DronePeer.admitted(
      peer, realm: Names.realm, authority: Names.authority, isMember: members.contains)
  }

  @Test("the authority, drones on the membership list, and people") func admitted() {
    #expect(admitted(Names.authority.text) == .authority)
    #expect(admitted(Names.drone(2).text) == .drone(Names.drone(2)))
    #expect(admitted("alice@KEYVAL.TEST") == .client)
    #expect(admitted("alice@OTHER.TEST") == .client)
  }

  @Test(
    "nobody who has a node's name without being one of this cluster's, and no office",
    arguments: [
      "keyval-drone/d3@KEYVAL.TEST", "keyval-drone/d2@OTHER.TEST", "keyval-authority/a2@KEYVAL.TEST",
      "keyval-database/db1@KEYVAL.TEST", "keyval-command/db1@KEYVAL.TEST", "keyval-commander/17@KEYVAL.TEST",
      "keyval-drone@KEYVAL.TEST", "",
    ])
  func refused(peer: String) {
    #expect(admitted(peer) == nil)
  }

  @Test("without a list no drone is a member") func withoutList() {
    #expect(admitted(Names.drone(2).text, members: []) == nil)
    #expect(admitted(Names.authority.text, members: []) == .authority)
  }

  @Test("a list ends the sessions of nodes that are not on it, by whichever of their services")
  func expelled() {
    let list = MembershipList(cluster: Names.cluster, version: 1, members: [Names.drone(1)])!
    for peer in [
      "keyval-drone/d2@KEYVAL.TEST", "keyval-database/db1@KEYVAL.TEST", "keyval-command/db1@KEYVAL.TEST",
    ] {
      #expect(DronePeer.isExpelled(peer, by: list))
    }
    for peer in [Names.drone(1).text, Names.authority.text, "alice@KEYVAL.TEST", "?"] {
      #expect(!DronePeer.isExpelled(peer, by: list))
    }
  }
}
