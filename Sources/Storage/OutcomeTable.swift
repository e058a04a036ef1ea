import Cluster
import GRDB
import Wire

/// The outcomes of a partition's last writes, so that a retry is answered and never executed again; of older
/// ones only the highest number of each client, so that their retry is told that nobody knows.
enum OutcomeTable {
  /// Outcomes kept of each partition.
  static let kept = 1024
  /// Clients of each partition whose dropped writes are remembered; beyond, those whose last dropped write is
  /// the longest ago are forgotten altogether.
  static let maximumClients = 8192

  /// Adds outcomes, which follow those that are stored, as one run, and drops the runs that are out of date as a
  /// whole. A row for each outcome took most of the time of a fold.
  static func add(_ outcomes: [WriteOutcome], to partition: Partition, _ database: Database) throws {
    guard let last = outcomes.last else { return }
    let horizon = Int64(last.sequence) - Int64(kept)
    var dropped = try stored(partition, through: horizon, database)
    if !dropped.isEmpty {
      try database.cachedStatement(sql: "DELETE FROM outcome_runs WHERE partition = ? AND last <= ?")
        .execute(arguments: [partition.number, horizon])
    }
    dropped += outcomes.dropLast(kept)
    try insert(outcomes.suffix(kept), last: last.sequence, partition, database)
    try forget(dropped, of: partition, database)
  }

  private static func insert(
    _ run: ArraySlice<WriteOutcome>, last: UInt64, _ partition: Partition, _ database: Database
  ) throws {
    var writer = CBORWriter()
    for outcome in run { outcome.encode(into: &writer) }
    try database.cachedStatement(
      sql: "INSERT OR REPLACE INTO outcome_runs (partition, last, outcomes) VALUES (?, ?, ?)"
    ).execute(arguments: [partition.number, last.stored, Blob(writer.bytes)])
  }

  /// The outcomes in the table, in order: those of the runs that end at or before a sequence number.
  static func stored(
    _ partition: Partition, through sequence: Int64 = .max, _ database: Database
  ) throws -> [WriteOutcome] {
    let statement = try database.cachedStatement(
      sql: "SELECT outcomes FROM outcome_runs WHERE partition = ? AND last <= ? ORDER BY last")
    let runs = try Row.fetchCursor(statement, arguments: [partition.number, sequence])
    var outcomes: [WriteOutcome] = []
    while let row = try runs.next() {
      try (row[0] as Blob).withUnsafeBytes { bytes in
        var reader = CBORReader(bytes)
        while !reader.isAtEnd { outcomes.append(try WriteOutcome(from: &reader)) }
      }
    }
    return outcomes
  }

  /// What is remembered of the dropped ones.
  static func forgotten(of partition: Partition, _ database: Database) throws -> ForgottenClients {
    var clients = ForgottenClients()
    let statement = try database.cachedStatement(
      sql: "SELECT high, low, write, sequence FROM forgotten WHERE partition = ?")
    for row in try Row.fetchAll(statement, arguments: [partition.number]) {
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
    guard let excess = count.map({ $0 - maximumClients }), excess > 0 else { return }
    try database.execute(
      sql: "DELETE FROM forgotten WHERE partition = ?1 AND (high, low) IN "
        + "(SELECT high, low FROM forgotten WHERE partition = ?1 ORDER BY sequence LIMIT ?2)",
      arguments: [partition.number, excess])
  }

  /// - Returns: whether the client was not remembered before.
  private static func store(
    _ entry: ForgottenClients.Entry, of partition: Partition, _ database: Database
  ) throws -> Bool {
    let known = try Int64.fetchOne(
      try database.cachedStatement(
        sql: "SELECT write FROM forgotten WHERE partition = ? AND high = ? AND low = ?"),
      arguments: [partition.number, entry.client.high.stored, entry.client.low.stored])
    let write = max(entry.write, known.map(UInt64.init(stored:)) ?? 0)
    try database.cachedStatement(
      sql: "INSERT OR REPLACE INTO forgotten (partition, high, low, write, sequence) VALUES (?, ?, ?, ?, ?)"
    ).execute(arguments: [
      partition.number, entry.client.high.stored, entry.client.low.stored, write.stored,
      entry.sequence.stored,
    ])
    return known == nil
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
    add(client: outcome.client, write: outcome.write, sequence: outcome.sequence)
  }

  mutating func add(client: ClientIncarnation, write: UInt64, sequence: UInt64) {
    var entry = entries[client] ?? Entry(client: client, write: 0, sequence: 0)
    entry.write = max(entry.write, write)
    entry.sequence = max(entry.sequence, sequence)
    entries[client] = entry
  }

  var inOrder: [Entry] {
    entries.values.sorted { ($0.client.high, $0.client.low) < ($1.client.high, $1.client.low) }
  }

  /// At most so many, those of the latest writes.
  mutating func keep(_ maximum: Int) {
    guard entries.count > maximum else { return }
    for entry in entries.values.sorted(by: { $0.sequence < $1.sequence }).dropLast(maximum) {
      entries[entry.client] = nil
    }
  }
}
