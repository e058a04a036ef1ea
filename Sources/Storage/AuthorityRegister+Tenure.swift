import Cluster
import GRDB

/// Who keeps the register: read by those who stand by, replaced by compare-and-set.
extension AuthorityRegister {
  /// How a compare-and-set ended.
  public enum TenureReplacement: Hashable, Sendable {
    case stored
    case stale(TenureRecord)
  }

  public func tenure() throws(StoreError) -> TenureRecord {
    do {
      return try tenureQueue.read { try tenure($0) }
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// Stores the second record if the first is what is stored.
  public func replaceTenure(
    _ expected: TenureRecord, with record: TenureRecord
  ) throws(StoreError) -> TenureReplacement {
    try writing(tenureQueue, as: nil) { database in
      let stored = try tenure(database)
      guard stored == expected else { return .stale(stored) }
      try write(record, database)
      return .stored
    }
  }

  /// Gives the tenure back, if it is still this one's: whoever stands by need not wait.
  public func releaseTenure(of holder: Incarnation) throws(StoreError) {
    try writing(tenureQueue, as: nil) { database in
      let stored = try tenure(database)
      if stored.holder == holder { try write(stored.followed(by: nil), database) }
    }
  }

  func tenure(_ database: Database) throws -> TenureRecord {
    guard let row = try Row.fetchOne(database, sql: "SELECT holder, counter FROM tenure") else {
      throw damaged("the tenure's record is gone")
    }
    let holder = try row.decode(Int64?.self, atIndex: 0)
    return TenureRecord(
      holder: holder.map { Incarnation(UInt64(stored: $0)) },
      counter: UInt64(stored: try row.decode(atIndex: 1)))
  }

  private func write(_ record: TenureRecord, _ database: Database) throws {
    try database.execute(
      sql: "UPDATE tenure SET holder = ?, counter = ?",
      arguments: [record.holder?.number.stored, record.counter.stored])
  }
}
