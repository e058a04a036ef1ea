import Cluster
import Foundation
import GRDB
import Testing

@testable import Storage

/// Stores as earlier versions left them, made by their own statements.
@Suite("Stores of before there were images")
struct OldStoreTests {
  private let fixture: StoreFixture
  private let both = opening([partition(1), partition(2)])

  init() throws { fixture = try StoreFixture() }

  /// With three entries of each of two partitions in a row each, and one more change in the log.
  /// - Parameter version: 2 is that of before there were checksums.
  private func makeStore(version: Int, _ change: (Database) throws -> Void = { _ in }) throws {
    try FileManager.default.createDirectory(
      atPath: fixture.directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    var configuration = Configuration()
    configuration.prepareDatabase(StoreTable.addChecksum)
    let queue = try DatabaseQueue(path: fixture.path, configuration: configuration)
    try queue.write { database in
      for migration in StoreSchema.migrations[..<version] { try database.execute(sql: migration) }
      try database.execute(sql: "PRAGMA application_id = \(StoreSchema.applicationIdentifier)")
      try database.execute(sql: "PRAGMA user_version = \(version)")
      func insert(_ table: StoreTable, _ values: [(any DatabaseValueConvertible)?]) throws {
        if version > 2 {
          return try database.execute(sql: table.insertion, arguments: StatementArguments(values))
        }
        let columns = table == .log ? Array(table.columns.dropFirst()) : table.columns
        let places = columns.map { _ in "?" }.joined(separator: ", ")
        try database.execute(
          sql: "INSERT INTO \(table.rawValue) (\(columns.joined(separator: ", "))) VALUES (\(places))",
          arguments: StatementArguments(values))
      }
      try insert(.store, [1, "test", 1])
      for number in 1...2 {
        try insert(
          .partitions,
          [number, 1, 1, firstDrone.text, 7, 0, 4, Data(InSyncList.empty.encoded()), 1, 1])
        for key in 1...3 {
          try insert(.entries, [number, Data("k\(key)".utf8), Data("value \(key)".utf8), 1, 1, key])
        }
        try insert(.forgotten, [number, 9, number, 5, 1])
        let outcomes = (1...3).flatMap { WriteOutcome(put("k", "v", write: $0), sequence: $0).encoded() }
        try insert(.outcomeRuns, [number, 3, Data(outcomes)])
        let row = batch(number, from: 4, [delete("k1", write: 4)])
        try insert(.log, [Data(PartitionSet([row.partition]).bytes), 1, Data(row.encoded())])
      }
      try change(database)
    }
    try queue.close()
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: fixture.path)
  }

  private func check(_ store: SQLiteStore, _ number: Int) throws {
    #expect(try store.texts(opening([partition(number)])) == ["k2=value 2", "k3=value 3"])
    let tail = try #require(try store.everything(opening([partition(number)])).tails.first)
    #expect(tail.sequence == 4)
    #expect(tail.past.outcomes.map(\.write) == [1, 2, 3, 4])
    #expect(tail.past.gaps == [.writes(.init(high: 9, low: UInt64(number)), through: 5)])
  }

  private func count(_ table: StoreTable, _ store: SQLiteStore) throws -> Int? {
    try store.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table.rawValue)") }
  }

  @Test(
    "an older store opens with all that it holds, and again; what is written goes on",
    arguments: [2, 3, 5, 6])
  func opens(version: Int) throws {
    try makeStore(version: version)
    for round in 0..<3 {
      let store = try fixture.store()
      for number in 1...2 { try check(store, number) }
      #expect(try count(.entries, store) == 0 && count(.forgotten, store) == 0)
      if round == 1 { try store.foldAll() }
      try store.close()
    }
    let store = try fixture.store()
    #expect(try store.append(batch(1, from: 5, [put("k1", "new", write: 5)])) == [.stored(through: 5)])
    try store.foldAll()
    #expect(try store.texts(opening([partition(1)])) == ["k1=new", "k2=value 2", "k3=value 3"])
  }

  @Test("entries that a move has left are moved by the next opening, in whatever portions")
  func interrupted() throws {
    try makeStore(version: 5)
    let queue = try { () throws in
      var configuration = Configuration()
      configuration.prepareDatabase(StoreTable.addChecksum)
      return try DatabaseQueue(path: fixture.path, configuration: configuration)
    }()
    try queue.writeWithoutTransaction { database in
      try database.inTransaction {
        for migration in StoreSchema.migrations[5..<7] { try database.execute(sql: migration) }
        try database.execute(sql: "PRAGMA user_version = 7")
        return .commit
      }
      // Ended by a crash behind the first transaction.
      try database.inTransaction {
        let last = try OldTables.moveEntries(
          behind: (Int64.min.databaseValue, Data().databaseValue), portion: 1, database)
        #expect(last?.partition == 1.databaseValue)
        return .commit
      }
      #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM entries") == 5)
    }
    try queue.close()
    let store = try fixture.store()
    for number in 1...2 { try check(store, number) }
  }

  @Test(
    "an entry that cannot be read is moved nowhere: its partition is refused until the key is written anew")
  func damaged() throws {
    try makeStore(version: 5) {
      try $0.execute(sql: "UPDATE entries SET value = x'00' WHERE partition = 2 AND sequence = 3")
    }
    let refusal = StoreError.rowDamaged(path: fixture.path, table: "entries", partition: 2)
    for _ in 0..<2 {
      let store = try fixture.store()
      try check(store, 1)
      #expect(throws: refusal) { try store.everything(opening([partition(2)])) }
      var place = ScrubPlace()
      var damages: [StoreError] = []
      var isLast = false
      while !isLast {
        let step = try store.scrub(from: &place)
        damages += step.damages
        isLast = step.isLast
      }
      #expect(damages == [refusal])
      try store.foldAll()
      try store.close()
    }
    let store = try fixture.store()
    _ = try store.append(batch(2, from: 5, [put("k3", "anew", write: 5)]))
    try store.foldAll()
    #expect(try store.texts(opening([partition(2)])) == ["k2=value 2", "k3=anew"])
  }

  @Test("a file of before there were checksums is guarded from then on")
  func guarded() throws {
    try makeStore(version: 2)
    let store = try fixture.store()
    try store.pool.write { try $0.execute(sql: "UPDATE images SET count = 9 WHERE partition = 2") }
    #expect(throws: StoreError.self) { try store.everything(both) }
  }
}
