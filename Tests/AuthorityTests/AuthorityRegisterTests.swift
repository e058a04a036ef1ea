import Cluster
import Cryptography
import Foundation
import GRDB
import Testing

@testable import Storage

@Suite("The register's file") struct AuthorityRegisterTests {
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
    func open(cluster: String = "demo") throws -> AuthorityRegister {
      let register = try AuthorityRegister(directory: path, cluster: cluster)
      let tenure = try register.tenure()
      if tenure.holder != holder {
        #expect(try register.replaceTenure(tenure, with: tenure.followed(by: holder)) == .stored)
      }
      return register
    }
  }

  private static let holder = Incarnation(7)

  private static func winner(_ number: Int) throws -> Winner {
    Winner(
      principal: World.drone(number), key: ElectionKey(try P256PrivateKey.generate().publicKey))
  }

  @Test("every state of the office comes back from the file, with all 64 bits of its term")
  func states() throws {
    let directory = try Directory()
    let winner = try Self.winner(1)
    let certificate = IssuedCertificate(der: [1, 2, 3], issuedAt: 1_700_000_000)
    var states = OfficeRecord.Step.allCases.map {
      (UInt64(5), OfficeRecord.State.certifying(winner, done: $0))
    }
    states += [
      (5, .certified(winner, certificate)),
      (UInt64.max, .certifying(winner, done: .claimed)), (UInt64.max, .burnt(winner)),
    ]
    var record = OfficeRecord.vacant
    #expect(try directory.open().contents() == .empty)
    for (term, state) in states {
      record = record.followed(term: Term(term), state: state)
      let register = try directory.open()
      #expect(try register.replaceOffice(record, holder: Self.holder) == .stored)
      try register.close()
      #expect(try directory.open().contents().office == record)
    }
  }

  @Test("a term is given away once, its steps come one after the other, and no record lowers it")
  func order() throws {
    let (winner, other) = (try Self.winner(1), try Self.winner(2))
    let certificate = IssuedCertificate(der: [1], issuedAt: 1)
    let claimed = OfficeRecord.vacant.followed(term: Term(5), state: .certifying(winner, done: .claimed))
    let refused: [(OfficeRecord, UInt64, OfficeRecord.State)] = [
      (.vacant, 1, .certifying(winner, done: .officeCreated)),
      (.vacant, 1, .certified(winner, certificate)),
      (claimed, 5, .certifying(other, done: .claimed)),
      (claimed, 5, .certifying(other, done: .officeCreated)),
      (claimed, 5, .certifying(winner, done: .termsRaised)),
      (claimed, 5, .certified(winner, certificate)),
      (claimed, 4, .certifying(winner, done: .claimed)),
      (claimed, 6, .certifying(other, done: .lowerOfficesDeleted)),
      (claimed, 5, .vacant),
    ]
    for (stored, term, state) in refused {
      let register = try Directory().open()
      if stored != .vacant { _ = try register.replaceOffice(stored, holder: Self.holder) }
      let record = stored.followed(term: Term(term), state: state)
      #expect(try register.replaceOffice(record, holder: Self.holder) == .stale(stored), "\(record)")
    }
  }

  @Test("of two authorities that claim a term one succeeds, and the other is told by whom")
  func compareAndSet() throws {
    let directory = try Directory()
    let (first, second) = (try directory.open(), try directory.open())
    let vacant = try second.contents().office
    let claim = vacant.followed(term: Term(1), state: .certifying(try Self.winner(1), done: .claimed))
    let other = vacant.followed(term: Term(1), state: .certifying(try Self.winner(2), done: .claimed))
    #expect(try first.replaceOffice(claim, holder: Self.holder) == .stored)
    #expect(try second.replaceOffice(other, holder: Self.holder) == .stale(claim))
    #expect(try second.replaceOffice(claim, holder: Self.holder) == .stored, "the same again is no conflict")
    #expect(try first.contents().office == claim)
  }

  @Test("a claim is stored only if its ballot went by the present membership, which is counted then")
  func claimOfAVersion() throws {
    let register = try Directory().open()
    for number in 1...2 {
      _ = try register.store(
        EnrolledNode(
          node: RegisteredNode(principal: World.drone(number), endpoint: Endpoint(host: "h", port: 1)),
          isExpiryCleared: true), holder: Self.holder)
    }
    let claim = OfficeRecord.vacant.followed(
      term: Term(1), state: .certifying(try Self.winner(1), done: .claimed))
    #expect(try register.replaceOffice(claim, membership: 1, holder: Self.holder) == .stale(.vacant))
    #expect(try register.contents().membership.counted == 0)
    #expect(try register.replaceOffice(claim, membership: 2, holder: Self.holder) == .stored)
    #expect(try register.contents().membership.counted == 2)
  }

  @Test("many claims at once: one is stored")
  func contention() async throws {
    let directory = try Directory()
    _ = try directory.open()
    let path = directory.path
    let stored = try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 1...8 {
        group.addTask {
          let register = try AuthorityRegister(directory: path, cluster: "demo")
          let claim = OfficeRecord.vacant.followed(
            term: Term(1), state: .certifying(try Self.winner(number), done: .claimed))
          return try register.replaceOffice(claim, holder: Self.holder) == .stored
        }
      }
      return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(stored == 1)
    withExtendedLifetime(directory) {}
  }

  @Test("nodes are kept in order of principal, and replaced by what is newer")
  func nodes() throws {
    let directory = try Directory()
    let register = try directory.open()
    func node(_ number: Int, port: UInt16, isExpiryCleared: Bool) -> EnrolledNode {
      EnrolledNode(
        node: RegisteredNode(
          principal: World.drone(number), endpoint: Endpoint(host: "::1", port: port)),
        isExpiryCleared: isExpiryCleared)
    }
    _ = try register.store(node(2, port: 1, isExpiryCleared: true), holder: Self.holder)
    _ = try register.store(node(1, port: 2, isExpiryCleared: false), holder: Self.holder)
    _ = try register.store(node(1, port: 3, isExpiryCleared: true), holder: Self.holder)
    #expect(
      try directory.open().contents().nodes
        == [node(1, port: 3, isExpiryCleared: true), node(2, port: 1, isExpiryCleared: true)])
  }

  @Test("an access list keeps its number, another has the next, and none is ever given twice")
  func accessVersions() throws {
    let directory = try Directory()
    let (first, second) = (try directory.open(), try directory.open())
    #expect(try first.accessVersion(of: [1], holder: Self.holder) == 1)
    #expect(try second.accessVersion(of: [1], holder: Self.holder) == 1)
    #expect(try second.accessVersion(of: [2], holder: Self.holder) == 2)
    #expect(try first.accessVersion(of: [2], holder: Self.holder) == 2)
    #expect(
      try first.accessVersion(of: [1], holder: Self.holder) == 3, "what was there before is a new change")
    try first.close()
    try second.close()
    let later = try directory.open()
    #expect(try later.accessVersion(of: [1], holder: Self.holder) == 3)
    #expect(try later.accessVersion(of: [4], holder: Self.holder) == 4)
  }

  @Test("a register of the first version is upgraded, with all that is in it")
  func upgrade() throws {
    let directory = try Directory()
    let path = directory.path + "/authority.sqlite"
    let former = try DatabaseQueue(path: path)
    try former.write { database in
      try database.execute(
        sql: """
          CREATE TABLE office (
            id INTEGER PRIMARY KEY CHECK (id = 1), cluster TEXT NOT NULL, revision INTEGER NOT NULL,
            term INTEGER NOT NULL, state INTEGER NOT NULL, winner TEXT, key BLOB, certificate BLOB,
            issued_at INTEGER) STRICT;
          CREATE TABLE nodes (
            principal TEXT PRIMARY KEY, address TEXT NOT NULL, expiry_cleared INTEGER NOT NULL)
            STRICT, WITHOUT ROWID;
          INSERT INTO office (id, cluster, revision, term, state) VALUES (1, 'demo', 7, 5, 0);
          INSERT INTO nodes VALUES ('keyval-drone/d1@KEYVAL.TEST', '127.0.0.1:1', 1);
          PRAGMA application_id = \(0x4b65_7941);
          PRAGMA user_version = 1;
          """)
    }
    try former.close()
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    let upgraded = try directory.open()
    #expect(try upgraded.contents().office.term == Term(5))
    #expect(try upgraded.contents().nodes.map(\.node.principal) == [World.drone(1)])
    #expect(try upgraded.accessVersion(of: [1], holder: Self.holder) == 1)
  }

  @Test("who holds the tenure is kept, with all 64 bits, and replaced only by who knows what is there")
  func tenure() throws {
    let directory = try Directory()
    let (one, other) = (
      try AuthorityRegister(directory: directory.path, cluster: "demo"),
      try AuthorityRegister(directory: directory.path, cluster: "demo")
    )
    #expect(try one.tenure() == .vacant)
    let first = TenureRecord.vacant.followed(by: Incarnation(.max))
    #expect(try one.replaceTenure(.vacant, with: first) == .stored)
    #expect(try other.tenure() == first)
    let second = TenureRecord.vacant.followed(by: Incarnation(2))
    #expect(try other.replaceTenure(.vacant, with: second) == .stale(first))
    let renewed = first.followed(by: first.holder)
    #expect(try one.replaceTenure(first, with: renewed) == .stored)
    #expect(try other.replaceTenure(first, with: first.followed(by: Incarnation(2))) == .stale(renewed))
    try other.releaseTenure(of: Incarnation(2))
    #expect(try one.tenure() == renewed, "only the holder gives it back")
    try one.releaseTenure(of: Incarnation(.max))
    #expect(try other.tenure() == TenureRecord(holder: nil, counter: 3))
  }

  @Test("who has lost the tenure writes nothing, whatever it wants to write and however right it would be")
  func superseded() throws {
    let directory = try Directory()
    let (woken, active) = (try directory.open(), try directory.open())
    let tenure = try active.tenure()
    #expect(try active.replaceTenure(tenure, with: tenure.followed(by: Incarnation(8))) == .stored)
    let claim = OfficeRecord.vacant.followed(
      term: Term(1), state: .certifying(try Self.winner(1), done: .claimed))
    let lost = StoreError.superseded(path: woken.path)
    #expect(throws: lost) { try woken.replaceOffice(claim, holder: Self.holder) }
    let node = EnrolledNode(
      node: RegisteredNode(principal: World.drone(1), endpoint: Endpoint(host: "::1", port: 1)),
      isExpiryCleared: true)
    #expect(throws: lost) { try woken.store(node, holder: Self.holder) }
    #expect(throws: lost) { try woken.accessVersion(of: [1], holder: Self.holder) }
    #expect(throws: lost) {
      try woken.remove(World.drone(1), isDead: true, membership: 0, holder: Self.holder)
    }
    #expect(throws: lost) { try woken.readmit(World.drone(1), holder: Self.holder) }
    #expect(throws: lost) { try woken.count(0, holder: Self.holder) }
    #expect(try active.contents() == .empty)
    #expect(try active.replaceOffice(claim, holder: Incarnation(8)) == .stored)
    // The same again, which would change nothing, is refused as well.
    #expect(throws: lost) { try woken.replaceOffice(claim, holder: Self.holder) }
  }

  @Test("a column that a disk has made to nothing is a damage, and does not end the process")
  func nothing() throws {
    let directory = try Directory()
    let register = try directory.open()
    let node = RegisteredNode(principal: World.drone(1), endpoint: Endpoint(host: "h", port: 1))
    _ = try register.store(EnrolledNode(node: node, isExpiryCleared: true), holder: Self.holder)
    try register.close()
    let path = directory.path + "/authority.sqlite"
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    // How the row begins: the length of that, then the types of its columns, two texts by their lengths and the number 1.
    let texts = [node.principal.text, "h:1"]
    let header = [4] + texts.map { UInt8(13 + 2 * $0.utf8.count) } + [9]
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: header) })
    bytes[place + 3] = 0
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let damaged = try AuthorityRegister(directory: directory.path, cluster: "demo")
    let expected = StoreError.damaged(path: path, detail: "a column holds something that never belongs there")
    #expect(throws: expected) { try damaged.contents() }
  }

  @Test("commits reach the disk before they are answered")
  func synchronous() throws {
    #expect(try Directory().open().synchronous == 2)
  }

  @Test("a register of another cluster, another program's file and an open file are refused")
  func refused() throws {
    let directory = try Directory()
    try directory.open().close()
    #expect(throws: StoreError.self) { try directory.open(cluster: "other") }
    let path = directory.path + "/authority.sqlite"
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    #expect(throws: StoreError.exposed(path: path, mode: 0o644)) { try directory.open() }
    let foreign = try Directory()
    try Data("not a database, but long enough to be looked at".utf8)
      .write(to: URL(fileURLWithPath: foreign.path + "/authority.sqlite"))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o600], ofItemAtPath: foreign.path + "/authority.sqlite")
    #expect(throws: StoreError.self) { try foreign.open() }
  }
}
