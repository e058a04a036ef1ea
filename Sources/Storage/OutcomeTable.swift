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
    let statement = try database.cachedStatement(
      sql: "SELECT clients, \(StoreTable.forgottenClients.isWhole) FROM forgotten_clients WHERE partition = ?"
    )
    guard let row = try Row.fetchOne(statement, arguments: [partition.number]) else {
      return ForgottenClients()
    }
    try StoreTable.forgottenClients.check(row, 1, partition: Int64(partition.number))
    guard let clients = ForgottenClients(packed: row[0] as Blob) else {
      throw RowDamage(table: StoreTable.forgottenClients.rawValue, partition: Int64(partition.number))
    }
    return clients
  }

  static func store(
    _ clients: ForgottenClients, of partition: Partition, _ database: Database
  ) throws {
    try database.cachedStatement(sql: StoreTable.forgottenClients.insertion)
      .execute(arguments: [partition.number, Blob(clients.packed)])
  }

  private static func forget(
    _ outcomes: [WriteOutcome], of partition: Partition, _ database: Database
  ) throws {
    guard !outcomes.isEmpty else { return }
    var clients = try forgotten(of: partition, database)
    for outcome in outcomes { clients.add(outcome) }
    // A good deal at once, so that it is seldom.
    if clients.count > maximumClients { clients.keep(maximumClients * 7 / 8) }
    try store(clients, of: partition, database)
  }
}
