import Cluster
import GRDB
import StoreRules
import Wire

/// The tables of a store, and the checksum that each row has of its other columns. The statements that write and read
/// rows are made here, so that none forgets it.
enum StoreTable: String, CaseIterable {
  case store
  case sealingKeys = "sealing_keys"
  case partitions
  case heads
  case log
  case images
  case folded
  case entries
  case outcomeRuns = "outcome_runs"
  case forgottenClients = "forgotten_clients"
  case forgotten
  case progress
  case receiptKey = "receipt_key"

  /// All but the checksum, those of the primary key first.
  var columns: [String] {
    switch self {
    case .store: ["id", "cluster", "term"]
    case .sealingKeys: ["term", "identifier", "key"]
    case .partitions:
      [
        "partition", "term", "counter", "holder", "incarnation", "base", "sequence", "list", "origin_term",
        "origin_counter",
      ]
    case .heads: ["number", "sequences"]
    case .log: ["number", "partitions", "records", "batches"]
    case .images: ["partition", "first", "generation", "count", "entries"]
    case .folded: ["partition", "sequence"]
    case .entries: ["partition", "key", "value", "term", "counter", "sequence"]
    case .outcomeRuns: ["partition", "last", "outcomes"]
    case .forgottenClients: ["partition", "clients"]
    case .forgotten: ["partition", "high", "low", "write", "sequence"]
    case .progress: ["id", "identity", "commit_number"]
    case .receiptKey: ["id", "key"]
    }
  }

  /// The number of a row of the log is given by SQLite, and so is not among what is summed up.
  private var summed: [String] { self == .log ? Array(columns.dropFirst()) : columns }

  /// Takes all columns in order, of the log without the number, and puts the row in the place of one with the same key.
  var insertion: String { Self.insertions[self] ?? madeInsertion }

  /// Made once: to put them together took longer than to run them.
  private static let insertions = Dictionary(uniqueKeysWithValues: allCases.map { ($0, $0.madeInsertion) })

  private var madeInsertion: String {
    let places = (1...summed.count).map { "?\($0)" }.joined(separator: ", ")
    return "INSERT OR REPLACE INTO \(rawValue) (\(summed.joined(separator: ", ")), checksum) "
      + "VALUES (\(places), row_checksum('\(rawValue)', \(places)))"
  }

  /// What is true of a row that is as it was written.
  var isWhole: String { Self.conditions[self] ?? madeCondition }

  private static let conditions = Dictionary(uniqueKeysWithValues: allCases.map { ($0, $0.madeCondition) })

  private var madeCondition: String {
    "checksum = row_checksum('\(rawValue)', \(summed.joined(separator: ", ")))"
  }

  /// Those that there were before rows had checksums.
  static let unsummed: [StoreTable] = [
    .store, .sealingKeys, .partitions, .log, .entries, .outcomeRuns, .forgotten,
  ]

  /// Statements that give a table of before there were checksums its own.
  var migration: String {
    "ALTER TABLE \(rawValue) ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0; UPDATE \(rawValue) SET \(isWhole);"
  }

  /// Null is what comes of a checksum that is none, on either side of the comparison.
  func isWhole(_ row: Row, _ index: Int) -> Bool { row[index] as Bool? ?? false }

  /// - Parameter index: of the column that tells whether the row is as it was written.
  func check(_ row: Row, _ index: Int, partition: Int64? = nil) throws(RowDamage) {
    guard isWhole(row, index) else { throw RowDamage(table: rawValue, partition: partition) }
  }

  /// What a row holds that was never written so.
  func damage(of partition: Partition? = nil) -> RowDamage {
    RowDamage(table: rawValue, partition: partition.map { Int64($0.number) })
  }

  /// To be given to each connection.
  static func addChecksum(to database: Database) {
    database.add(
      function: DatabaseFunction("row_checksum", pure: true) { values in
        var sum = Checksum.ofRow
        for value in values {
          switch value.storage {
          case .int64(let number): sum.add(number)
          case .string(let text): sum.add(text)
          case .blob(let blob): sum.add(blob)
          // No column ever holds these. A single bit makes a real number of a large whole one, of the same eight bytes.
          case .double, .null: return nil
          }
        }
        return sum.column
      })
  }
}
