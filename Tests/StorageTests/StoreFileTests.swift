import Cluster
import Foundation
import GRDB
import Testing

@testable import Storage

@Suite("The files of a store")
struct StoreFileTests {
  let fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  @Test("directory and files are made for the owner alone, whatever the umask")
  func privateModes() throws {
    let store = try fixture.store()
    _ = try store.raiseTerm(to: Term(1))
    #expect(try fixture.mode(fixture.directory) == 0o700)
    for suffix in ["", "-wal", "-shm"] { #expect(try fixture.mode(fixture.path + suffix) == 0o600) }
  }

  @Test("a store that others may read is refused", arguments: ["", "/keyval.sqlite"])
  func exposed(file: String) throws {
    try fixture.store().close()
    let path = fixture.directory + file
    try FileManager.default.setAttributes([.posixPermissions: 0o740], ofItemAtPath: path)
    #expect(throws: StoreError.exposed(path: path, mode: 0o740)) { try fixture.store() }
  }

  @Test("commits are written through to the disk, on the connection that writes")
  func synchronous() throws {
    let store = try fixture.store()
    let (synchronous, journal) = try store.pool.writeWithoutTransaction { database in
      (
        try Int.fetchOne(database, sql: "PRAGMA synchronous"),
        try String.fetchOne(database, sql: "PRAGMA journal_mode")
      )
    }
    #expect(synchronous == 2)
    #expect(journal == "wal")
  }

  @Test("a store that was closed is complete in its one file")
  func closed() throws {
    let store = try fixture.store()
    _ = try store.raiseTerm(to: Term(3))
    try store.close()
    let copy = try StoreFixture()
    try FileManager.default.createDirectory(
      atPath: copy.directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try FileManager.default.copyItem(atPath: fixture.path, toPath: copy.path)
    #expect(try copy.store().standing().term == Term(3))
  }

  @Test("two may not have the same store open, one after the other may")
  func inUse() throws {
    let first = try fixture.store()
    #expect(throws: StoreError.inUse(path: fixture.directory + "/keyval.lock")) { try fixture.store() }
    try first.close()
    try fixture.store().close()
  }

  @Test("a store belongs to one cluster")
  func otherCluster() throws {
    try fixture.store().close()
    #expect(throws: StoreError.otherCluster(path: fixture.path, found: "test", expected: "other")) {
      try fixture.store(cluster: "other")
    }
  }

  @Test("a file of the first schema is upgraded: of its writes' outcomes it is known that nobody knows")
  func firstSchema() throws {
    try FileManager.default.createDirectory(
      atPath: fixture.directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try DatabaseQueue(path: fixture.path).write { database in
      try database.execute(sql: StoreSchema.migrations[0])
      try database.execute(
        sql: """
          PRAGMA application_id = \(StoreSchema.applicationIdentifier);
          INSERT INTO outcomes VALUES (1, 1, 1, 2, 5, 0), (1, 2, 1, 2, -2, 1), (1, 3, 1, 3, 4, 1), (2, 1, 1, 4, 7, 1);
          INSERT INTO forgotten VALUES (1, 1, 2, 9, 0), (1, 1, 3, -1, 0), (2, 1, 4, 6, 0);
          PRAGMA user_version = 1;
          """)
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: fixture.path)
    let store = try fixture.store()
    let opened = opening([partition(1), partition(2)])
    _ = try store.raiseTerm(to: Term(1))
    _ = try store.open(opened)
    let tails = try store.everything(opened).tails
    #expect(tails.map(\.past.outcomes) == [[], []])
    #expect(
      tails.map(\.past.gaps) == [
        [
          .writes(ClientIncarnation(high: 1, low: 2), through: .max - 1),
          .writes(ClientIncarnation(high: 1, low: 3), through: .max),
        ],
        [.writes(ClientIncarnation(high: 1, low: 4), through: 7)],
      ])
  }

  @Test("a file of a newer schema is left alone")
  func newer() throws {
    try fixture.store().close()
    try DatabaseQueue(path: fixture.path).write { try $0.execute(sql: "PRAGMA user_version = 99") }
    #expect(throws: StoreError.newer(path: fixture.path, version: 99, supported: StoreSchema.version)) {
      try fixture.store()
    }
  }

  @Test("somebody else's database is left alone")
  func foreign() throws {
    try FileManager.default.createDirectory(
      atPath: fixture.directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try DatabaseQueue(path: fixture.path).write { try $0.execute(sql: "CREATE TABLE theirs (a)") }
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: fixture.path)
    #expect(throws: StoreError.foreign(path: fixture.path)) { try fixture.store() }
  }

  @Test("a file that is no database is called damaged, and left as it is")
  func damaged() throws {
    try fixture.store().close()
    try? FileManager.default.removeItem(atPath: fixture.path + "-wal")
    let garbage = Data(repeating: 0x5a, count: 8192)
    try garbage.write(to: URL(fileURLWithPath: fixture.path))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: fixture.path)
    #expect {
      try fixture.store()
    } throws: { error in
      guard case .damaged(fixture.path, _)? = error as? StoreError else { return false }
      return true
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: fixture.path)) == garbage)
  }

  @Test("a row of the log that was altered is an error, never a trap or a guess")
  func alteredRow() throws {
    let store = try fixture.store()
    _ = try store.raiseTerm(to: Term(1))
    _ = try store.open(opening([partition(3)]))
    _ = try store.append(batch(3, from: 1, [put("a", "1")]))
    try store.pool.write { try $0.execute(sql: "UPDATE log SET batches = x'9f00ff'") }
    #expect(throws: StoreError.self) { try store.fold() }
    #expect(throws: StoreError.self) { try store.everything(opening([partition(3)])) }
    try store.pool.write { try $0.execute(sql: "UPDATE log SET partitions = x'00'") }
    #expect(throws: StoreError.self) { try store.everything(opening([partition(3)])) }
  }
}
