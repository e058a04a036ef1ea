import Cryptography
import Testing
import Wire

@testable import Cluster

@Suite("Membership") struct MembershipTests {
  private static let key = try! P256PrivateKey.generate()
  private static let verifier = MembershipVerifier(key: key.publicKey, cluster: "test")

  private static func drone(_ number: Int) -> Principal {
    try! Principal(role: .drone, node: "d\(number)", realm: "KEYVAL.TEST")
  }

  private static func list(_ version: UInt64, _ drones: Int..., cluster: String = "test") -> MembershipList {
    MembershipList(cluster: cluster, version: version, members: drones.map(drone))!
  }

  // MARK: The signed list

  @Test("a list that is signed with the right key is believed, also again")
  func believed() throws {
    let list = Self.list(3, 1, 2)
    let signed = try SignedMembership.decode(SignedMembership(list, key: Self.key).encoded())
    #expect(try Self.verifier.verify(signed) == list)
    #expect(try Self.verifier.verify(signed, known: list) == list)
    #expect(list.contains(Self.drone(1)) && list.contains(Self.drone(2)) && !list.contains(Self.drone(3)))
  }

  @Test("forged, altered, older and other clusters' lists are refused")
  func refused() throws {
    let list = Self.list(3, 1, 2)
    let signed = try SignedMembership(list, key: Self.key)
    let forged = try SignedMembership(list, key: .generate())
    var bytes = signed.body
    bytes[bytes.count - 1] ^= 1
    let altered = SignedMembership(body: bytes, signature: signed.signature)
    // A signature of the same key over the same bytes that means something else.
    let unmarked = SignedMembership(body: signed.body, signature: try Self.key.sign(signed.body))
    let foreign = try SignedMembership(Self.list(4, 1, cluster: "other"), key: Self.key)
    for wrong in [forged, altered, unmarked, foreign] {
      #expect(throws: MembershipError.self) { try Self.verifier.verify(wrong) }
    }
    #expect(throws: MembershipError.self) { try Self.verifier.verify(signed, known: Self.list(4, 1)) }
    let other = try SignedMembership(Self.list(3, 1), key: Self.key)
    #expect(throws: MembershipError.self, "two lists of one version") {
      try Self.verifier.verify(other, known: list)
    }
  }

  @Test("the members of a list are in order, each once, drones and databases only")
  func order() throws {
    let alice = try Principal("alice@KEYVAL.TEST")
    for members in [[Self.drone(2), Self.drone(1)], [Self.drone(1), Self.drone(1)], [alice]] {
      #expect(MembershipList(cluster: "test", version: 1, members: members) == nil)
      var writer = CBORWriter()
      writer.beginArray(3)
      writer.write(text: "test")
      writer.write(unsigned: 1)
      writer.write(members)
      #expect(throws: CBORError.self) { try MembershipList.decode(writer.bytes) }
    }
    let many = (0...MembershipList.maximumMembers).map { number in
      try! Principal("keyval-drone/\(String(100_000 + number))@KEYVAL.TEST")
    }
    #expect(MembershipList(cluster: "test", version: 1, members: many) == nil)
  }

  @Test("the longest list fits the longest body, and that a record")
  func longest() throws {
    let members = (0..<MembershipList.maximumMembers).map { number in
      let name = String(repeating: "n", count: 229) + String(10_000 + number)
      return try! Principal("keyval-drone/\(name)@REALM12")
    }
    #expect(members[0].text.utf8.count > 250)
    let list = try #require(MembershipList(cluster: "test", version: .max, members: members))
    #expect(list.encoded().count < SignedMembership.maximumBodyLength)
    #expect(SignedMembership.maximumBodyLength + 1024 < Limits.maximumPlaintextLength)
  }

  // MARK: The history

  private func lists(_ history: MembershipHistory, since version: UInt64) -> [[Int]] {
    history.droneLists(since: version).map { $0.map { Int($0.shortName.dropFirst())! } }
  }

  @Test("a ballot needs the drones of every version since the one that is counted, the present ones last")
  func versions() {
    var history = MembershipHistory(founders: [1, 2].map(Self.drone))
    history.add(Self.drone(3))
    history.add(try! Principal(role: .database, node: "db2", realm: "KEYVAL.TEST"))
    history.remove(Self.drone(1), isDead: false)
    #expect(history.version == 4)
    #expect(lists(history, since: 1) == [[1, 2], [1, 2, 3], [2, 3]])
    #expect(lists(history, since: 2) == [[1, 2, 3], [2, 3]])
    #expect(lists(history, since: 3) == [[1, 2, 3], [2, 3]])
    #expect(lists(history, since: 4) == [[2, 3]])
    #expect(lists(history, since: 9) == [[2, 3]])
    #expect(history.revoked == [Self.drone(1)])
    #expect(!history.members.contains(Self.drone(1)) && history.members.count == 3)
  }

  @Test("who is off for good is in no list of before, and in those since it was enrolled anew")
  func dead() {
    var history = MembershipHistory(founders: [1, 2, 3].map(Self.drone))
    history.remove(Self.drone(1), isDead: false)
    history.remove(Self.drone(1), isDead: true)
    #expect(lists(history, since: 1) == [[2, 3]])
    history.readmit(Self.drone(1))
    history.add(Self.drone(1))
    #expect(lists(history, since: 1) == [[2, 3], [1, 2, 3]])
    #expect(history.revoked == [])
  }

  @Test("when all whom a commander counts are off for good it counts nobody")
  func allDead() {
    var history = MembershipHistory(founders: [Self.drone(1)])
    history.add(Self.drone(2))
    history.remove(Self.drone(1), isDead: true)
    #expect(lists(history, since: 1) == [[2]])
    #expect(lists(.empty, since: 0) == [[]])
  }

  @Test("what is counted never falls, nor rises above the present version")
  func counted() {
    var history = MembershipHistory(founders: [Self.drone(1)])
    history.add(Self.drone(2))
    history.count(.max)
    #expect(history.counted == 2)
    history.count(1)
    #expect(history.counted == 2)
  }
}
