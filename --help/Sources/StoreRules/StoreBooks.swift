import Cluster

/// What a process remembers of its store between transactions, and the transactions themselves, whichever database the
/// store is in. All of it can be had from the store again: whoever starts begins with new books.
package struct StoreBooks: Sendable {
  /// Which store this is, and how many transactions have changed it.
  package private(set) var mark: StoreMark
  package let rules: StoreRules
  /// What is in the log. A fold may delete rows before whoever appended them has counted them.
  private var total: StoreBacklog
  /// What the last pass could not fold, and no other will until somebody has mended the store.
  private var stuck = StoreBacklog()
  /// The one that is under way.
  private var pass: FoldPass?
  private var fences = FenceMemory()

  package init(of rows: some StoreSnapshot, rules: StoreRules = StoreRules()) throws {
    (mark, total, self.rules) = (try rows.mark(), try rows.backlog(), rules)
  }

  /// What of the log waits to be folded.
  package var backlog: StoreBacklog { total - stuck }

  /// Performs what a database's core asks for.
  package mutating func perform(_ job: StoreJob, on backend: some StoreBackend) throws -> StoreJobResult {
    switch job {
    case .raiseTerm(let term):
      return .termRaised(
        try transact(on: backend) { rules, _, rows in try rules.raiseTerm(to: term, &rows) })
    case .storeKey(let key):
      return .keyStored(try transact(on: backend) { rules, _, rows in try rules.store(key, &rows) })
    case .open(let opening):
      return .opened(
        try transact(on: backend) { rules, fences, rows in try rules.open(opening, &fences, &rows) })
    case .readFences:
      return .fences(try backend.read { [rules] rows in try rules.fences(rows) })
    case .append(let groups):
      let appended = try append(groups, on: backend)
      return .appended(appended.results, damages: appended.damages)
    case .fold:
      try fold(on: backend)
      return .folded
    case .advance(let commit):
      try advance(to: commit, on: backend)
      return .advanced
    }
  }

  package mutating func append(
    _ groups: [AppendGroup], on backend: some StoreBackend
  ) throws -> StoreRules.Appended {
    let appended = try transact(on: backend) { rules, fences, rows in
      try rules.append(groups, &fences, &rows)
    }
    total += appended.added
    return appended
  }

  /// Counts on from there, if that is more than was counted.
  private mutating func advance(to commit: UInt64, on backend: some StoreBackend) throws {
    let advanced = StoreMark(identity: mark.identity, commit: max(mark.commit, commit))
    try transact(on: backend, isCounted: false) { _, _, rows in try rows.set(advanced) }
    mark = advanced
  }

  /// Records that a pass has at the most, and bytes of the log, which it holds in memory.
  package static let passLength = (records: 1 << 19, bytes: 64 << 20)
  /// Bytes that a fold reads and merges, about.
  package static let foldRoom = 2 << 20

  /// Brings some of the log into the keyed table, in one transaction of a few milliseconds: appends and openings may
  /// have to wait for it. What a pass gathers of the log is deleted from it some folds later, when all is in the table.
  package mutating func fold(
    records: Int = passLength.records, bytes: Int = passLength.bytes, room: Int = foldRoom,
    on backend: some StoreBackend
  ) throws {
    // When the transaction fails the next one begins anew.
    var pass = self.pass.take() ?? FoldPass(records: records, bytes: bytes)
    let step = try transact(on: backend, isCounted: false) { rules, _, rows in
      try pass.step(room, rules, &rows)
    }
    if !step.isOver { self.pass = pass }
    total -= step.freed
    total.table += step.growth
    if let kept = step.kept { stuck = kept }
  }

  /// Runs one transaction. What it has changed of the fences is written behind it, and counted.
  /// - Parameter isCounted: whether it changes what the store says, and not only where it has it.
  package mutating func transact<Value, Backend: StoreBackend>(
    on backend: Backend, isCounted: Bool = true,
    _ body: (StoreRules, inout FenceTable, inout Backend.Rows) throws -> Value
  ) throws -> Value {
    // Empty until the transaction is on the disk.
    var memory = fences.take()
    let (rules, mark) = (rules, mark)
    let (value, after) = try backend.write { rows in
      var table = try memory.takeTable(rows)
      let changes = rows.changeCount
      let value = try body(rules, &table, &rows)
      try table.store(&rows)
      var after = mark
      if isCounted, rows.changeCount != changes {
        after = mark.next
        try rows.set(after)
      }
      memory = FenceMemory(of: table, rows)
      return (value, after)
    }
    (fences, self.mark) = (memory, after)
    return value
  }
}

extension StoreMark {
  /// After one more transaction. A thousand a second would take longer than the sun lasts.
  var next: StoreMark { StoreMark(identity: identity, commit: commit &+ 1) }
}

extension StoreBacklog {
  package static func + (left: StoreBacklog, right: StoreBacklog) -> StoreBacklog {
    StoreBacklog(
      rows: left.rows + right.rows, records: left.records + right.records, bytes: left.bytes + right.bytes,
      table: left.table + right.table)
  }

  package static func - (left: StoreBacklog, right: StoreBacklog) -> StoreBacklog {
    StoreBacklog(
      rows: left.rows - right.rows, records: left.records - right.records, bytes: left.bytes - right.bytes,
      table: left.table - right.table)
  }

  package static func += (left: inout StoreBacklog, right: StoreBacklog) { left = left + right }
  package static func -= (left: inout StoreBacklog, right: StoreBacklog) { left = left - right }
}
