import Cluster
import Foundation
import GRDB
import StoreRules
import Testing

@testable import Storage

@Suite("Bits that a disk has changed")
struct DamageTests {
  let fixture: StoreFixture
  let store: SQLiteStore
  let opened = opening([partition(1), partition(2)])

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.store()
    _ = try store.raiseTerm(to: Term(1))
    _ = try store.store(
      StoredSealingKey(
        term: Term(1), key: SealingKey(identifier: 1, key: [UInt8](repeating: 7, count: 32))!))
    _ = try store.open(opened)
    for number in 1...2 {
      _ = try store.append(
        batch(number, from: 1, (1...3).map { put("k\($0)", "value \($0)", write: $0) }))
    }
    try store.foldAll()
    _ = try store.append(batch(1, from: 4, [put("k4", "unfolded", write: 4)]))
    try store.pool.write { database in
      var clients = ForgottenClients()
      clients.add(client: client, write: 4, sequence: 2)
      try SQLiteRows(database).setForgottenClients(clients.packed, of: partition(1))
      // What an older store has left, of a partition that nobody asks for.
      try database.execute(sql: StoreTable.forgotten.insertion, arguments: [3, 1, 9, 4, 2])
      try database.execute(sql: StoreTable.entries.insertion, arguments: [3, Data([1]), Data([2]), 1, 1, 1])
    }
  }

  /// All that one whole scrub finds.
  private func scrub(rows: Int = 2) throws -> (rows: Int, damages: [StoreError]) {
    var place = ScrubPlace()
    var (count, damages): (Int, [StoreError]) = (0, [])
    for _ in 0..<10_000 {
      let step = try store.scrub(from: &place, rows: rows)
      count += step.rows
      damages += step.damages
      if step.isLast { return (count, damages) }
    }
    throw CancellationError()
  }

  private func execute(_ sql: String) throws {
    try store.pool.write { try $0.execute(sql: sql) }
  }

  /// Every column of every table.
  static let columns = StoreTable.allCases.flatMap { table in
    table.columns.dropFirst(table == .log ? 1 : 0).map { (table.rawValue, $0) }
  }

  @Test("a changed bit in any column of any table is found by the scrub", arguments: columns)
  func everyColumn(table: String, column: String) throws {
    #expect(try scrub().damages == [])
    try store.pool.write { database in
      try database.execute(sql: "PRAGMA ignore_check_constraints = ON")
      let row = "WHERE checksum = (SELECT min(checksum) FROM \(table))"
      let value = try DatabaseValue.fetchOne(database, sql: "SELECT \(column) FROM \(table) \(row)")
      try database.execute(
        sql: "UPDATE \(table) SET \(column) = ? \(row)", arguments: [try #require(value).withChangedBit])
    }
    let damages = try scrub().damages
    #expect(damages.count == 1)
    guard case .rowDamaged(_, table, _)? = damages.first else {
      Issue.record("\(damages)")
      return
    }
  }

  @Test("a changed value is served to nobody; other partitions are, and the file stays open")
  func changedValue() throws {
    try store.changeImage(of: partition(1), "value 2", to: "walue 2")
    let expected = StoreError.rowDamaged(path: fixture.path, table: "images", partition: 1)
    #expect(throws: expected) { try store.everything(opening([partition(1)])) }
    #expect(expected.trouble == .partial && expected.description.contains("of partition 1"))
    let others = PartitionOpening(
      holder: opened.holder, incarnation: opened.incarnation, token: opened.token, partitions: [partition(2)])
    #expect(try store.texts(others) == ["k1=value 1", "k2=value 2", "k3=value 3"])
    #expect(try store.append(batch(2, from: 4, [put("k5", "more", write: 9)])) == [.stored(through: 4)])
  }

  @Test("a changed term or row of the log stops what would go by it", arguments: ["store", "log"])
  func changedRow(table: String) throws {
    try execute(
      table == "store" ? "UPDATE store SET term = 0" : "UPDATE log SET records = records + 1")
    #expect(throws: StoreError.rowDamaged(path: fixture.path, table: table, partition: nil)) {
      if table == "store" { _ = try store.open(opened) } else { _ = try store.fold() }
    }
  }

  /// What the database's core would be told.
  private func append(_ batches: PartitionBatch...) throws -> ([StoreAnswer.PartitionResult], [DamagedRow]) {
    let job = StoreJob.append([AppendGroup(holder: firstDrone, batches: batches)])
    guard case .appended(let results, let damages) = try store.perform(job) else { throw CancellationError() }
    return (results.flatMap { $0 }, damages)
  }

  @Test("a changed fence stops its own partition, by name: others are appended, opened and told of beside it")
  func changedFence() throws {
    try execute("UPDATE partitions SET sequence = sequence - 1 WHERE partition = 1")
    let (results, damages) = try append(
      batch(1, from: 5, [put("k5", "more", write: 9)]), batch(2, from: 4, [put("k5", "more", write: 9)]))
    #expect(results == [.init(partition: partition(2), result: .stored(through: 4))])
    #expect(damages == [DamagedRow(table: "partitions", partitions: [partition(1)], isRestored: false)])
    #expect(store.backlog.records == 2, "of the damaged one nothing is stored")
    let result = try store.open(opening([partition(1), partition(2)], token: token(1, 2)))
    #expect(result.opened == [partition(2)])
    #expect(result.refused.map(\.error) == [.unreadable(partition(1))])
    #expect(try store.fences().map(\.partition) == [partition(2)])
  }

  @Test(
    "a scrub reads each row once, whatever it reads at a time, and goes on behind what was added meanwhile")
  func steps() throws {
    // The store's row, its progress and its key for receipts, a sealing key, two fences, one row of heads, a row of the
    // log, two images and how far the log is in them, two runs of outcomes, forgotten clients of one partition, and an
    // entry and a forgotten client in old tables.
    for rows in [1, 2, 3, 100] { #expect(try scrub(rows: rows).rows == 17) }
    var place = ScrubPlace()
    #expect(
      try store.scrub(from: &place, rows: 100, time: .zero).rows == 1, "a step ends when its time is over")
  }

  @Test(
    "how far partitions are written is found in the log and the images when its row is changed, and told of",
    arguments: ["zeroblob(length(sequences))", "x'01'"])
  func changedHead(bytes: String) throws {
    let heads = DamagedRow(
      table: "heads", partitions: PartitionSet(Partition.all[0..<64]), isRestored: true)
    try execute("UPDATE heads SET sequences = \(bytes)")
    // Partition 1 has a record in the log, partition 2 has none.
    let (results, damages) = try append(
      batch(1, from: 4, [put("k4", "again", write: 4)]), batch(2, from: 5, [put("k5", "gap", write: 9)]))
    #expect(results.map(\.result) == [.stored(through: 4), .gap(stored: 3)])
    #expect(damages == [heads])
    #expect(try store.texts(opened).filter { $0.hasPrefix("k4") } == ["k4=unfolded"])
    #expect(
      try append(batch(2, from: 4, [put("k4", "new", write: 9)])).0.map(\.result) == [.stored(through: 4)])
    #expect(try scrub().damages == [], "the next append has written it anew")
  }

  @Test("where that cannot be found either, its partitions are left out, and others are stored")
  func changedHeadAndMore() throws {
    try execute("UPDATE heads SET sequences = zeroblob(length(sequences))")
    try execute("UPDATE folded SET sequence = 1 WHERE partition = 2")
    let far = partition(200)
    _ = try store.open(opening([far]))
    for sequence: UInt64 in 1...2 {
      let (results, damages) = try append(
        batch(1, from: 5, [put("a", "1")]), batch(200, from: sequence, [put("a", "1")]))
      #expect(results == [.init(partition: far, result: .stored(through: sequence))])
      #expect(damages == [DamagedRow(table: "folded", partitions: [partition(1)], isRestored: false)])
    }
    try execute("UPDATE folded SET sequence = 3 WHERE partition = 2")
    #expect(
      try append(batch(1, from: 5, [put("a", "1")])).0.map(\.result) == [.stored(through: 5)],
      "as soon as it has been mended")
  }

  @Test("a changed image holds up no other partition's fold, and when it is whole again nothing is missing")
  func stuckFold() throws {
    try store.changeImage(of: partition(1), "value 2", to: "walue 2")
    _ = try store.append(batch(1, from: 5, [put("k2", "later", write: 5)]), batch(2, from: 4, [delete("k1")]))
    for _ in 0..<2 {
      try store.foldAll()
      let left = try store.pool.read { try Int.fetchOne($0, sql: "SELECT sum(records) FROM log") }
      #expect(left == 2, "the partition's records alone")
      #expect(store.backlog.records == 0)
      #expect(try store.texts(opening([partition(2)])) == ["k2=value 2", "k3=value 3"])
      #expect(throws: StoreError.rowDamaged(path: fixture.path, table: "images", partition: 1)) {
        try store.everything(opening([partition(1)]))
      }
    }
    try store.changeImage(of: partition(1), "walue 2", to: "value 2")
    for _ in 0..<2 {
      #expect(
        try store.texts(opening([partition(1)])) == ["k1=value 1", "k2=later", "k3=value 3", "k4=unfolded"])
      try store.foldAll()
    }
    #expect(try store.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM log") } == 0)
  }
}

extension SQLiteStore {
  /// Some bytes in a partition's first image, and not the checksum.
  fileprivate func changeImage(of partition: Partition, _ old: String, to new: String) throws {
    try pool.write { database in
      let row = "WHERE partition = \(partition) ORDER BY first LIMIT 1"
      var image = try #require(try Data.fetchOne(database, sql: "SELECT entries FROM images \(row)"))
      image.replaceSubrange(try #require(image.firstRange(of: Data(old.utf8))), with: Data(new.utf8))
      try database.execute(
        sql: "UPDATE images SET entries = ? WHERE partition = ?", arguments: [image, partition.number])
    }
  }
}

extension DatabaseValue {
  /// One bit of the first byte, or of the number.
  fileprivate var withChangedBit: DatabaseValue {
    switch storage {
    case .int64(let number): (number ^ 64).databaseValue
    case .string(let text):
      String(decoding: text.utf8.enumerated().map { $0 == 0 ? $1 ^ 1 : $1 }, as: UTF8.self).databaseValue
    case .blob(let blob): Data(blob.enumerated().map { $0 == 0 ? $1 ^ 1 : $1 }).databaseValue
    case .double, .null: self
    }
  }
}

@Suite("Bits that a disk has changed where a row says what its columns are")
struct TypeDamageTests {
  /// As it starts in the file: its own length, then the types of its six columns, the numbers 6 for eight bytes.
  private static let header: [UInt8] = [7, 1, 6, 6, 1, 1, 6]

  /// A store with one remembered client, whose record in the file has another header.
  private func damaged(_ change: (inout ArraySlice<UInt8>) -> Void) throws -> (StoreFixture, SQLiteStore) {
    let fixture = try StoreFixture()
    let store = try fixture.store()
    // Numbers that no smaller type holds, and that are real numbers of the same bits.
    let client = [0x4037_1234_5678_9abc, 0x4038_1234_5678_9abc]
    try store.pool.write { database in
      try database.execute(
        sql: StoreTable.forgotten.insertion, arguments: [100, client[0], client[1], 4, 5])
    }
    try store.close()
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture.path)))
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: Self.header) })
    change(&bytes[place..<place + Self.header.count])
    try Data(bytes).write(to: URL(fileURLWithPath: fixture.path))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: fixture.path)
    return (fixture, try fixture.store())
  }

  private func damages(_ store: SQLiteStore) throws -> [StoreError] {
    var place = ScrubPlace()
    var damages: [StoreError] = []
    while true {
      let step = try store.scrub(from: &place)
      damages += step.damages
      if step.isLast { return damages }
    }
  }

  @Test("without one the row is whole")
  func control() throws {
    let (fixture, store) = try damaged { _ in }
    let found = try damages(store)
    withExtendedLifetime(fixture) { #expect(found == []) }
  }

  @Test("a number that has become a real one of the same eight bytes is found")
  func realNumber() throws {
    let (fixture, store) = try damaged { $0[$0.startIndex + 3] = 7 }
    #expect(try damages(store) == [.rowDamaged(path: fixture.path, table: "forgotten", partition: 100)])
  }

  @Test("a checksum that has become nothing is a damage, and does not end the process")
  func noChecksum() throws {
    // The column before it becomes nine bytes, so that the row is as long as it was: SQLite notices no other length.
    let (fixture, store) = try damaged {
      $0[$0.startIndex + 5] = 30
      $0[$0.startIndex + 6] = 0
    }
    #expect(try damages(store) == [.rowDamaged(path: fixture.path, table: "forgotten", partition: 100)])
  }

  @Test("a row that is longer than its columns is refused by SQLite itself")
  func shorter() throws {
    let (fixture, store) = try damaged { $0[$0.startIndex + 6] = 0 }
    _ = withExtendedLifetime(fixture) { #expect(throws: StoreError.self) { try damages(store) } }
  }

  @Test("a partition's number that has become bytes is a damage of nobody knows which")
  func noNumber() throws {
    let (fixture, store) = try damaged { $0[$0.startIndex + 1] = 14 }
    #expect(try damages(store).first == .rowDamaged(path: fixture.path, table: "forgotten", partition: nil))
  }
}
