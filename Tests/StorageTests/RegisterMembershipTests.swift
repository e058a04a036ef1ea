import Cluster
import Foundation
import GRDB
import Testing

@testable import Storage

private let holder = Incarnation(7)

@Suite("Membership in the register's file") struct RegisterMembershipTests {
  private final class Directory {
    let path: String

    init() throws {
      let url = FileManager.default.temporaryDirectory.appending(path: "keyval-\(UUID().uuidString)")
      try FileManager.default.createDirectory(
        at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// With the tenure in the hands of `holder`.
    func open() throws -> AuthorityRegister {
      let register = try AuthorityRegister(directory: path, cluster: "demo")
      let tenure = try register.tenure()
      if tenure.holder != holder {
        #expect(try register.replaceTenure(tenure, with: tenure.followed(by: holder)) == .stored)
      }
      return register
    }
    func contents() throws -> RegisterContents { try open().contents() }
  }

  private static func drone(_ number: Int) -> Principal {
    try! Principal(role: .drone, node: "d\(number)", realm: "KEYVAL.TEST")
  }

  private static func node(_ number: Int, port: UInt16 = 7000) -> EnrolledNode {
    EnrolledNode(
      node: RegisteredNode(principal: drone(number), endpoint: Endpoint(host: "h", port: port)),
      isExpiryCleared: true)
  }

  @Test("what a register at rest does with each change is what its functions say")
  func sameAsFunctions() throws {
    let directory = try Directory()
    var expected = RegisterContents.empty
    func step(
      _ change: (AuthorityRegister) throws -> RegisterContents, _ same: (RegisterContents) -> RegisterContents
    ) throws {
      let changed = try change(directory.open())
      expected = same(expected)
      #expect(changed == expected)
      #expect(try directory.contents() == expected, "also from the file")
    }
    for (number, port) in [(1, 1), (2, 1), (3, 1), (2, 9)] as [(Int, UInt16)] {
      let node = Self.node(number, port: port)
      try step({ try $0.store(node, holder: holder) }, { $0.storing(node) })
    }
    let (d2, d3, d4) = (Self.drone(2), Self.drone(3), Self.drone(4))
    // Of an old version, then of the present one; again; afterwards as dead; nobody who ever was there.
    for (node, isDead, version) in [
      (d2, false, 2), (d2, false, 3), (d2, false, 4), (d2, true, 4), (d3, true, 5), (d4, false, 6),
    ] as [(Principal, Bool, UInt64)] {
      try step(
        { try $0.remove(node, isDead: isDead, membership: version, holder: holder) },
        { $0.removing(node, isDead: isDead, membership: version) })
    }
    try step({ try $0.store(Self.node(2), holder: holder) }, { $0.storing(Self.node(2)) })
    #expect(!expected.nodes.contains { $0.node.principal == d2 }, "it is revoked")
    try step({ try $0.readmit(d2, holder: holder) }, { $0.readmitting(d2) })
    try step({ try $0.store(Self.node(2), holder: holder) }, { $0.storing(Self.node(2)) })
    #expect(expected.membership.members == [Self.drone(1), d2])
    for version in [3, 1, 99] as [UInt64] {
      try step(
        {
          try $0.count(version, holder: holder)
          return try $0.contents()
        }, { $0.counting(version) })
    }
    #expect(expected.membership.counted == 7)
  }

  @Test("of two removals that go by the same version one is stored")
  func compareAndSet() throws {
    let directory = try Directory()
    let (first, second) = (try directory.open(), try directory.open())
    for number in 1...3 { _ = try first.store(Self.node(number), holder: holder) }
    _ = try first.remove(Self.drone(1), isDead: false, membership: 3, holder: holder)
    let contents = try second.remove(Self.drone(2), isDead: false, membership: 3, holder: holder)
    #expect(contents.membership.members == [Self.drone(2), Self.drone(3)])
  }

  @Test("a file of the first version is upgraded: who was there is a member, and counted")
  func migration() throws {
    let directory = try Directory()
    let path = directory.path + "/authority.sqlite"
    try directory.open().close()
    let queue = try DatabaseQueue(path: path)
    try queue.writeWithoutTransaction { database in
      // As the first version left it.
      try database.execute(
        sql: """
          DROP TABLE membership;
          DROP TABLE revoked;
          DROP TABLE tenure;
          DROP TABLE access;
          DROP TABLE stores;
          ALTER TABLE office DROP COLUMN counted;
          INSERT INTO nodes VALUES ('keyval-drone/d1@KEYVAL.TEST', '127.0.0.1:7001', 1);
          INSERT INTO nodes VALUES ('keyval-drone/d2@KEYVAL.TEST', '127.0.0.1:7002', 0);
          UPDATE office SET revision = 5, term = 1, state = 0;
          PRAGMA user_version = 1;
          """)
    }
    try queue.close()
    let contents = try directory.contents()
    #expect(contents.nodes.map(\.node.principal) == [Self.drone(1), Self.drone(2)])
    #expect(contents.nodes.map(\.isExpiryCleared) == [true, false])
    #expect(contents.office.term == Term(1))
    #expect(contents.membership.version == 1 && contents.membership.counted == 1)
    #expect(contents.membership.members == [Self.drone(1), Self.drone(2)])
    #expect(try directory.open().store(Self.node(3), holder: holder).membership.version == 2)
    let empty = try Directory()
    try empty.open().close()
    #expect(try empty.contents() == .empty)
  }
}
