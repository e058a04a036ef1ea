import Cluster
import GRDB

/// The outcomes of a partition's last writes, so that a retry is answered and never executed again; of older
/// ones only the highest number of each client, so that their retry is told that nobody knows.
enum OutcomeTable {
  /// Outcomes kept of each partition.
  public static let kept = 1024
  /// Clients of each partition whose dropped writes are remembered; beyond, those whose last dropped write is
  /// the longest ago are forgotten altogether.
  static let maximumClients = 8192

  /// Adds outcomes, which follow those that are stored, and drops the oldest.
  static func add(_ outcomes: [WriteOutcome], to partition: Partition, _ database: Database) throws {
    guard let last = outcomes.last else { return }
    let horizon = Int64(last.sequence) - Int64(kept)
    let dropped = try stored(partition, through: horizon, database)
    try database.execute(
      sql: "DELETE FROM outcomes WHERE partition = ? AND sequence <= ?",
      arguments: [partition.number, horizon])
    let statement = try database.cachedStatement(
      sql: "INSERT OR REPLACE INTO outcomes (partition, sequence, high, low, write, existed) "
        + "VALUES (?, ?, ?, ?, ?, ?)")
    for outcome in outcomes where Int64(outcome.sequence) > horizon {
      try statement.execute(arguments: [
        partition.number, outcome.sequence.stored, outcome.client.high.stored, outcome.client.low.stored,
        outcome.write.stored, outcome.existed,
      ])
    }
    try forget(dropped + outcomes.filter { Int64($0.sequence) <= horizon }, of: partition, database)
  }

  /// The outcomes in the table up to a sequence number, in order.
  static func stored(
    _ partition: Partition, through sequence: Int64 = .max, _ database: Database
  ) throws -> [WriteOutcome] {
    let statement = try database.cachedStatement(
      sql: "SELECT sequence, high, low, write, existed FROM outcomes WHERE partition = ? AND sequence <= ? "
        + "ORDER BY sequence")
    return try Row.fetchAll(statement, arguments: [partition.number, sequence]).map { row in
      WriteOutcome(
        client: ClientIncarnation(high: UInt64(stored: row[1]), low: UInt64(stored: row[2])),
        write: UInt64(stored: row[3]), sequence: UInt64(stored: row[0]), existed: row[4])
    }
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
    for entry in clients.inOrder { try store(entry, of: partition, database) }
    let count = try Int.fetchOne(
      database, sql: "SELECT count(*) FROM forgotten WHERE partition = ?", arguments: [partition.number])
    guard let excess = count.map({ $0 - maximumClients }), excess > 0 else { return }
    try database.execute(
      sql: "DELETE FROM forgotten WHERE partition = ?1 AND (high, low) IN "
        + "(SELECT high, low FROM forgotten WHERE partition = ?1 ORDER BY sequence LIMIT ?2)",
      arguments: [partition.number, excess])
  }

  private static func store(
    _ entry: ForgottenClients.Entry, of partition: Partition, _ database: Database
  ) throws {
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
