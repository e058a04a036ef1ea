import Cluster
import GRDB
import Wire

/// The outcomes of a partition's last writes, so that a retry is answered and never executed again; of older
/// ones only the highest number of each client, so that their retry is told that nobody knows. What is out of date of one
/// principal is kept for a while longer where the newer ones are others': nobody's writes drop another's at once.
enum OutcomeTable {
  /// Outcomes kept of each partition.
  static let kept = 1024
  /// Of those that are out of date.
  static let keptOfOthers = 512
  /// Clients of each partition whose dropped writes are remembered; beyond, of the principals that have most those whose
  /// last dropped write is the longest ago are forgotten altogether, and it is remembered that there were some.
  static let maximumClients = 8192

  /// Adds outcomes, which follow those that are stored, as one run, and drops the runs that are out of date as a
  /// whole. A row for each outcome took most of the time of a fold.
  static func add(_ outcomes: [WriteOutcome], to partition: Partition, _ database: Database) throws {
    guard let last = outcomes.last else { return }
    let horizon = Int64(last.sequence) - Int64(kept)
    var old = try stored(partition, through: horizon, database)
    if !old.isEmpty {
      try database.cachedStatement(sql: "DELETE FROM outcome_runs WHERE partition = ? AND last <= ?")
        .execute(arguments: [partition.number, horizon])
    }
    old += outcomes.dropLast(kept)
    var (survivors, dropped): ([WriteOutcome], [WriteOutcome]) = ([], old)
    if Set(old.map(\.client.principalMark)).union(outcomes.map(\.client.principalMark)).count > 1 {
      (survivors, dropped) = FairShare.split(old, among: \.client.principalMark, limit: keptOfOthers)
    }
    try insert(survivors + outcomes.suffix(kept), last: last.sequence, partition, database)
    try forget(dropped, of: partition, database)
  }

  private static func insert(
    _ run: [WriteOutcome], last: UInt64, _ partition: Partition, _ database: Database
  ) throws {
    var writer = CBORWriter()
    for outcome in run { outcome.encode(into: &writer) }
    try database.cachedStatement(
      sql: StoreTable.outcomeRuns.insertion
    ).execute(arguments: [partition.number, last.stored, Blob(writer.bytes)])
  }

  /// The outcomes in the table, in order of sequence: those of the runs that end at or before a sequence number.
  static func stored(
    _ partition: Partition, through sequence: Int64 = .max, _ database: Database
  ) throws -> [WriteOutcome] {
    let statement = try database.cachedStatement(
      sql: "SELECT outcomes, \(StoreTable.outcomeRuns.isWhole) FROM outcome_runs "
        + "WHERE partition = ? AND last <= ? ORDER BY last")
    let runs = try Row.fetchCursor(statement, arguments: [partition.number, sequence])
    var outcomes: [WriteOutcome] = []
    while let row = try runs.next() {
      try StoreTable.outcomeRuns.check(row, 1, partition: Int64(partition.number))
      try (row[0] as Blob).withUnsafeBytes { bytes in
        var reader = CBORReader(bytes)
        while !reader.isAtEnd { outcomes.append(try WriteOutcome(from: &reader)) }
      }
    }
    return outcomes.sorted { $0.sequence < $1.sequence }
  }

  /// What is remembered of the dropped ones.
  static func forgotten(of partition: Partition, _ database: Database) throws -> ForgottenClients {
    var clients = ForgottenClients()
    let statement = try database.cachedStatement(
      sql: "SELECT high, low, write, sequence, \(StoreTable.forgotten.isWhole) FROM forgotten "
        + "WHERE partition = ?")
    for row in try Row.fetchAll(statement, arguments: [partition.number]) {
      try StoreTable.forgotten.check(row, 4, partition: Int64(partition.number))
      clients.add(
        client: ClientIncarnation(high: UInt64(stored: row[0]), low: UInt64(stored: row[1])),
        write: UInt64(stored: row[2]), sequence: UInt64(stored: row[3]))
    }
    return clients
  }

  private static func forget(
    _ outcomes: [WriteOutcome], of partition: Partition, _ database: Database
  ) throws {
    guard !outcomes.isEmpty else { return }
    var clients = ForgottenClients()
    for outcome in outcomes { clients.add(outcome) }
    var isLonger = false
    for entry in clients.inOrder where try store(entry, of: partition, database) { isLonger = true }
    guard isLonger else { return }
    let count = try Int.fetchOne(
      try database.cachedStatement(sql: "SELECT count(*) FROM forgotten WHERE partition = ?"),
      arguments: [partition.number])
    guard let count, count > maximumClients else { return }
    var all = try forgotten(of: partition, database)
    // A good deal at once, so that it is seldom.
    all.keep(maximumClients * 7 / 8)
    try database.execute(sql: "DELETE FROM forgotten WHERE partition = ?", arguments: [partition.number])
    for entry in all.inOrder { try insert(entry, of: partition, database) }
  }

  /// - Returns: whether the client was not remembered before.
  private static func store(
    _ entry: ForgottenClients.Entry, of partition: Partition, _ database: Database
  ) throws -> Bool {
    func write(of client: ClientIncarnation) throws -> UInt64? {
      let statement = try database.cachedStatement(
        sql: "SELECT write, \(StoreTable.forgotten.isWhole) FROM forgotten "
          + "WHERE partition = ? AND high = ? AND low = ?")
      let arguments: StatementArguments = [partition.number, client.high.stored, client.low.stored]
      guard let row = try Row.fetchOne(statement, arguments: arguments) else { return nil }
      try StoreTable.forgotten.check(row, 1, partition: Int64(partition.number))
      return UInt64(stored: row[0])
    }
    var entry = entry
    if let known = try write(of: entry.client) {
      entry.write = max(entry.write, known)
      try insert(entry, of: partition, database)
      return false
    }
    // It may be one of those that were forgotten, and then have made any write.
    if try write(of: .others(of: entry.client.principalMark)) != nil || write(of: .everybody) != nil {
      entry.write = .max
    }
    try insert(entry, of: partition, database)
    return true
  }

  private static func insert(
    _ entry: ForgottenClients.Entry, of partition: Partition, _ database: Database
  ) throws {
    try database.cachedStatement(
      sql: StoreTable.forgotten.insertion
    ).execute(arguments: [
      partition.number, entry.client.high.stored, entry.client.low.stored, entry.write.stored,
      entry.sequence.stored,
    ])
  }
}

/// Of each client the highest number of its dropped writes, and when the last of them was.
struct ForgottenClients {
  struct Entry {
    let client: ClientIncarnation
    var write: UInt64
    var sequence: UInt64
  }

  private var entries: [ClientIncarnation: Entry] = [:]

  mutating func add(_ outcome: WriteOutcome) {
    let client = outcome.client
    let isDoubtful = entries[client] == nil && (has(.others(of: client.principalMark)) || has(.everybody))
    add(client: client, write: isDoubtful ? .max : outcome.write, sequence: outcome.sequence)
  }

  private func has(_ client: ClientIncarnation) -> Bool { entries[client] != nil }

  mutating func add(client: ClientIncarnation, write: UInt64, sequence: UInt64) {
    var entry = entries[client] ?? Entry(client: client, write: 0, sequence: 0)
    entry.write = max(entry.write, write)
    entry.sequence = max(entry.sequence, sequence)
    entries[client] = entry
  }

  var inOrder: [Entry] {
    entries.values.sorted { ($0.client.high, $0.client.low) < ($1.client.high, $1.client.low) }
  }

  /// At most so many, of each principal those of the latest writes. That there were others is remembered.
  mutating func keep(_ maximum: Int) {
    guard entries.count > maximum else { return }
    let lives = entries.values.filter { !$0.client.isOthers }.sorted { $0.sequence < $1.sequence }
    for entry in FairShare.split(lives, among: \.client.principalMark, limit: maximum).dropped {
      entries[entry.client] = nil
      add(client: .others(of: entry.client.principalMark), write: .max, sequence: entry.sequence)
    }
    let others = entries.values.filter(\.client.isOthers)
    guard others.count > maximum else { return }
    for entry in others { entries[entry.client] = nil }
    add(client: .everybody, write: .max, sequence: others.map(\.sequence).max() ?? 0)
  }
}
