import Cluster
import GRDB

/// How the register changes: what comes of what is stored is decided by `RegisterContents`, which has no rows; here it is
/// read, decided and written in one transaction.
extension AuthorityRegister {
  /// - Parameter decide: the register after the change, and what is answered.
  /// - Throws: `superseded` when the holder's tenure is another's by now.
  func change<Answer: Sendable>(
    as holder: Incarnation, _ decide: (RegisterContents) throws -> (RegisterContents, Answer)
  ) throws(StoreError) -> Answer {
    try writing(queue, as: holder) { database in
      let stored = try contents(database)
      let (changed, answer) = try decide(stored)
      try write(changed, over: stored, database)
      return answer
    }
  }

  /// - Returns: the register after the change.
  func change(
    as holder: Incarnation, _ decide: (RegisterContents) -> RegisterContents
  ) throws(StoreError) -> RegisterContents {
    try change(as: holder) { stored in
      let changed = decide(stored)
      return (changed, changed)
    }
  }

  /// Only rows that differ.
  private func write(
    _ changed: RegisterContents, over stored: RegisterContents, _ database: Database
  ) throws {
    if changed.office != stored.office { try write(changed.office, database) }
    try write(changed.nodes, over: stored.nodes, database)
    try write(changed.membership, over: stored.membership, database)
    for (principal, known) in changed.stores where stored.stores[principal] != known {
      try write(known, of: principal, database)
    }
  }

  private func write(_ record: OfficeRecord, _ database: Database) throws {
    let columns = OfficeColumns(record.state)
    try database.execute(
      sql: """
        UPDATE office SET revision = ?, term = ?, state = ?, winner = ?, key = ?, certificate = ?,
          issued_at = ?
        """,
      arguments: [
        record.revision.stored, record.term.number.stored, columns.state, columns.winner?.principal.text,
        columns.winner.map { Blob($0.key.der) }, columns.certificate.map { Blob($0.der) },
        columns.certificate?.issuedAt,
      ])
  }

  private func write(
    _ changed: [EnrolledNode], over stored: [EnrolledNode], _ database: Database
  ) throws {
    let present = Set(changed.map(\.node.principal))
    for node in stored where !present.contains(node.node.principal) {
      try database.execute(
        sql: "DELETE FROM nodes WHERE principal = ?", arguments: [node.node.principal.text])
    }
    let known = Set(stored)
    for node in changed where !known.contains(node) {
      try database.execute(
        sql: "INSERT OR REPLACE INTO nodes (principal, address, expiry_cleared) VALUES (?, ?, ?)",
        arguments: [node.node.principal.text, node.node.endpoint.description, node.isExpiryCleared])
    }
  }

  private func write(
    _ changed: MembershipHistory, over stored: MembershipHistory, _ database: Database
  ) throws {
    // What was is never changed.
    for change in changed.changes.dropFirst(stored.changes.count) {
      try database.execute(
        sql: "INSERT INTO membership (version, principal, change) VALUES (?, ?, ?)",
        arguments: [change.version.stored, change.principal.text, change.kind.rawValue])
    }
    for node in stored.revoked where !changed.isRevoked(node) {
      try database.execute(sql: "DELETE FROM revoked WHERE principal = ?", arguments: [node.text])
    }
    for node in changed.revoked where !stored.isRevoked(node) {
      try database.execute(sql: "INSERT INTO revoked (principal) VALUES (?)", arguments: [node.text])
    }
    if changed.counted != stored.counted {
      try database.execute(sql: "UPDATE office SET counted = ?", arguments: [changed.counted.stored])
    }
  }

  private func write(_ known: KnownStore, of principal: Principal, _ database: Database) throws {
    try database.execute(
      sql: "INSERT OR REPLACE INTO stores (database, identity, commit_number, seen_at) VALUES (?, ?, ?, ?)",
      arguments: [
        principal.text, Blob(known.mark.identity.bytes), known.mark.commit.stored, known.seenAt,
      ])
  }
}
