import Cluster
import GRDB

/// The authority's register at rest, in an SQLite file of its own: the office's record, the nodes, and every change
/// of who belongs to the cluster.
///
/// An authority and its standby on one host may have it open at the same time: every change is a transaction
/// that begins with the write lock, compares what it must (first of all, that the one who writes holds the tenure),
/// and is on the disk (`synchronous = FULL`) when the call returns. Never put it on a network file system, whose locks
/// do not hold. Every operation blocks for about a disk's flush; call them on one thread kept for them.
public final class AuthorityRegister: Sendable {
  /// How a compare-and-set ended.
  public enum Replacement: Hashable, Sendable {
    case stored
    /// The record's revision is another: this is stored.
    case stale(OfficeRecord)
  }

  public let path: String
  let queue: DatabaseQueue
  /// For the tenure alone. Its commits need no flush: they outlive the process, and when the power goes, all who
  /// could hold the tenure go with it. So renewing costs the disk nothing, and a process that is stopped in the
  /// middle of a flush does not take the write lock along for a renewal's sake.
  let tenureQueue: DatabaseQueue

  /// Opens the register in a directory that exists, creating the file (0600) when it is missing.
  /// - Throws: `StoreError`: `exposed`, `foreign`, `newer`, `otherCluster`, `inaccessible`, `damaged`, `failed`.
  public init(directory: String, cluster: String) throws(StoreError) {
    let path = directory + "/authority.sqlite"
    self.path = path
    try StoreFiles.createPrivate(path)
    for file in [path, path + "-wal", path + "-shm"] { try StoreFiles.requirePrivate(file) }
    var configuration = Configuration()
    configuration.label = "keyval.register"
    // The other authority holds the lock for one transaction.
    configuration.busyMode = .timeout(5)
    configuration.journalMode = .wal
    do {
      queue = try DatabaseQueue(path: path, configuration: configuration)
      try queue.writeWithoutTransaction { database in
        // GRDB has set NORMAL on its way into WAL mode: then a claim could be lost with the power, and its term
        // given away twice.
        try database.execute(sql: "PRAGMA synchronous = FULL")
        try RegisterSchema.prepare(database, cluster: cluster, path: path)
      }
      tenureQueue = try DatabaseQueue(path: path, configuration: configuration)
      try tenureQueue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = NORMAL") }
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// Everything that is stored.
  public func contents() throws(StoreError) -> RegisterContents {
    do {
      return try queue.read { try contents($0) }
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// Stores the record if it may follow the stored one (`OfficeRecord.mayFollow`): the compare-and-set on which
  /// “one commander a term” rests. A record that is stored already, equal in everything, is stored.
  /// - Parameter version: of the membership by which the ballot of a claim was decided. The claim is stored only if
  ///   it is the version still; then it is what commanders count at least.
  /// - Throws: `superseded` when the holder's tenure is another's by now.
  public func replaceOffice(
    _ record: OfficeRecord, membership version: UInt64? = nil, holder: Incarnation
  ) throws(StoreError) -> Replacement {
    try change(as: holder) { stored in
      guard let changed = stored.replacing(record, membership: version) else {
        return (stored, .stale(stored.office))
      }
      return (changed, .stored)
    }
  }

  /// The number of an access list with this digest: that of the last one if it is the same, else the next. So
  /// no number ever names two lists, whichever of the authorities, in whichever of its lives, read them.
  /// - Throws: `superseded` when the holder's tenure is another's by now.
  public func accessVersion(of digest: [UInt8], holder: Incarnation) throws(StoreError) -> UInt64 {
    try writing(queue, as: holder) { database in
      let last = try Row.fetchOne(database, sql: "SELECT version, digest FROM access")
      let version = try last.map { UInt64(stored: try $0.decode(atIndex: 0)) } ?? 0
      if let stored = try last?.decode(Blob.self, atIndex: 1), [UInt8](stored) == digest { return version }
      // It would take longer than the sun lasts.
      guard version < .max else { throw damaged("the access list's version is at its end") }
      try database.execute(
        sql: "INSERT OR REPLACE INTO access (id, version, digest) VALUES (1, ?, ?)",
        arguments: [(version + 1).stored, Blob(digest)])
      return version + 1
    }
  }

  /// Inserts a node or replaces what is known of it. One that was no member becomes one in the next version of the
  /// membership; one that is revoked is not stored.
  /// - Returns: everything that is stored then.
  /// - Throws: `superseded` when the holder's tenure is another's by now.
  public func store(_ node: EnrolledNode, holder: Incarnation) throws(StoreError) -> RegisterContents {
    try change(as: holder) { $0.storing(node) }
  }

  /// Takes a node from the members in the next version, if this is the present one, and revokes it.
  /// - Parameter isDead: its process is off for good; may follow a removal without that.
  /// - Returns: everything that is stored then.
  /// - Throws: `superseded` when the holder's tenure is another's by now.
  public func remove(
    _ node: Principal, isDead: Bool, membership version: UInt64, holder: Incarnation
  ) throws(StoreError) -> RegisterContents {
    try change(as: holder) { $0.removing(node, isDead: isDead, membership: version) }
  }

  /// A revoked node may register again.
  /// - Returns: everything that is stored then.
  /// - Throws: `superseded` when the holder's tenure is another's by now.
  public func readmit(_ node: Principal, holder: Incarnation) throws(StoreError) -> RegisterContents {
    try change(as: holder) { $0.readmitting(node) }
  }

  /// No commander that may be in office counts a version below this one.
  /// - Throws: `superseded` when the holder's tenure is another's by now.
  public func count(_ version: UInt64, holder: Incarnation) throws(StoreError) {
    _ = try change(as: holder) { $0.counting(version) }
  }

  /// Moves the write-ahead log into the file and closes. Nothing depends on it: a process may end without.
  public func close() throws(StoreError) {
    do {
      try tenureQueue.close()
      _ = try queue.writeWithoutTransaction { try $0.checkpoint(.truncate) }
      try queue.close()
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// What SQLite says of its flushing: 2 is FULL. For the test.
  var synchronous: Int? {
    try? queue.read { try Int.fetchOne($0, sql: "PRAGMA synchronous") } ?? nil
  }

  /// - Parameter holder: who must hold the tenure in this very transaction; nil for changes of the tenure itself.
  func writing<R: Sendable>(
    _ queue: DatabaseQueue, as holder: Incarnation?, _ body: (Database) throws -> R
  ) throws(StoreError) -> R {
    do {
      return try queue.writeWithoutTransaction { database in
        var result: R?
        try database.inTransaction(.immediate) {
          if let holder, try tenure(database).holder != holder { throw StoreError.superseded(path: path) }
          result = try body(database)
          return .commit
        }
        guard let result else {
          throw StoreError.failed(path: path, detail: "a transaction without a result")
        }
        return result
      }
    } catch {
      throw StoreError(error, path: path)
    }
  }

  // MARK: Rows, read so that a column which holds something else than it should throws

  func contents(_ database: Database) throws -> RegisterContents {
    let rows = try Row.fetchAll(
      database, sql: "SELECT principal, address, expiry_cleared FROM nodes ORDER BY principal")
    return RegisterContents(
      office: try office(database), nodes: try rows.map { try node($0) },
      membership: try membership(database), stores: try stores(database))
  }

  private func membership(_ database: Database) throws -> MembershipHistory {
    let rows = try Row.fetchAll(
      database, sql: "SELECT version, principal, change FROM membership ORDER BY version, principal")
    let changes = try rows.map { row in
      let (version, change) = (try row.decode(Int64.self, atIndex: 0), try row.decode(Int64.self, atIndex: 2))
      guard let kind = MembershipChange.Kind(rawValue: change) else {
        throw damaged("the change \(change) of membership \(version) is unknown")
      }
      return MembershipChange(
        version: UInt64(stored: version), principal: try principal(try row.decode(atIndex: 1)), kind: kind)
    }
    let revoked = try String.fetchAll(database, sql: "SELECT principal FROM revoked ORDER BY principal")
    let counted = try Int64.fetchOne(database, sql: "SELECT counted FROM office") ?? 0
    return MembershipHistory(
      changes: changes, counted: UInt64(stored: counted), revoked: try revoked.map { try principal($0) })
  }

  private func principal(_ name: String) throws -> Principal {
    guard let principal = try? Principal(name) else { throw damaged("the node ‘\(name)’ cannot be read") }
    return principal
  }

  private func office(_ database: Database) throws -> OfficeRecord {
    let row = try Row.fetchOne(
      database, sql: "SELECT revision, term, state, winner, key, certificate, issued_at FROM office")
    guard let row else { throw damaged("the office's record is gone") }
    var winner: Winner?
    if let name = try row.decode(String?.self, atIndex: 3), let der = try row.decode(Blob?.self, atIndex: 4) {
      guard let principal = try? Principal(name), let key = ElectionKey(der: [UInt8](der)) else {
        throw damaged("the winner of the term cannot be read")
      }
      winner = Winner(principal: principal, key: key)
    }
    var certificate: IssuedCertificate?
    if let der = try row.decode(Blob?.self, atIndex: 5),
      let issuedAt = try row.decode(Int64?.self, atIndex: 6)
    {
      certificate = IssuedCertificate(der: [UInt8](der), issuedAt: issuedAt)
    }
    let columns = OfficeColumns(
      state: try row.decode(atIndex: 2), winner: winner, certificate: certificate)
    guard let state = columns.officeState else { throw damaged("the office's state cannot be read") }
    return OfficeRecord(
      revision: UInt64(stored: try row.decode(atIndex: 0)),
      term: Term(UInt64(stored: try row.decode(atIndex: 1))), state: state)
  }

  private func node(_ row: Row) throws -> EnrolledNode {
    let name = try row.decode(String.self, atIndex: 0)
    let address = try row.decode(String.self, atIndex: 1)
    guard let principal = try? Principal(name), let endpoint = Endpoint(address) else {
      throw damaged("the node ‘\(name)’ cannot be read")
    }
    return EnrolledNode(
      node: RegisteredNode(principal: principal, endpoint: endpoint),
      isExpiryCleared: try row.decode(atIndex: 2))
  }

  func damaged(_ detail: String) -> StoreError { .damaged(path: path, detail: detail) }
}
