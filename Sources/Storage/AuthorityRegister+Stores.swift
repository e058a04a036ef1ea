import Cluster
import GRDB

/// What is remembered of the databases' stores, so that one that is new, foreign or behind is not believed.
extension AuthorityRegister {
  /// Compares the store that a database shows with the one that is known. The first one, and one that continues it, are
  /// known from then on.
  /// - Parameter now: seconds since 1970.
  /// - Throws: `superseded` when the holder's tenure is another's by now.
  public func judge(
    _ mark: StoreMark, of principal: Principal, now: Int64, holder: Incarnation
  ) throws(StoreError) -> StoreJudgement {
    try change(as: holder) { $0.judging(mark, of: principal, now: now) }
  }

  /// The store is the one that is known from now on, whatever was known before.
  /// - Throws: `superseded` when the holder's tenure is another's by now.
  public func accept(_ known: KnownStore, of principal: Principal, holder: Incarnation) throws(StoreError) {
    _ = try change(as: holder) { $0.knowing(known, of: principal) }
  }

  func stores(_ database: Database) throws -> [Principal: KnownStore] {
    let rows = try Row.fetchAll(
      database, sql: "SELECT database, identity, commit_number, seen_at FROM stores ORDER BY database")
    var stores: [Principal: KnownStore] = [:]
    for row in rows {
      let name = try row.decode(String.self, atIndex: 0)
      let bytes = [UInt8](try row.decode(Blob.self, atIndex: 1))
      guard let principal = try? Principal(name), let identity = StoreIdentity(bytes: bytes)
      else { throw damaged("the store of ‘\(name)’ cannot be read") }
      let mark = StoreMark(identity: identity, commit: UInt64(stored: try row.decode(atIndex: 2)))
      stores[principal] = KnownStore(mark: mark, seenAt: try row.decode(atIndex: 3))
    }
    return stores
  }
}
