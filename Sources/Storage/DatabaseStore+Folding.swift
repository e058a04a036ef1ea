import Cluster
import GRDB

extension DatabaseStore {
  /// Records that a pass has at the most, and bytes of the log, which it holds in memory.
  public static let passLength = (records: 1 << 19, bytes: 64 << 20)

  /// Brings some of the log into the keyed table, in one transaction of a few milliseconds: appends and openings may
  /// have to wait for it. What a pass gathers of the log is deleted from it some folds later, when all is in the table.
  /// - Parameters:
  ///   - records: a pass that begins takes rows of the log until they have so many records, or
  ///   - bytes: so many bytes; at least one row.
  ///   - room: bytes that are read and merged, about.
  /// - Returns: what is left.
  @discardableResult
  public func fold(
    records: Int = passLength.records, bytes: Int = passLength.bytes, room: Int = 2 << 20
  ) throws(StoreError) -> StoreBacklog {
    // Nobody else has it meanwhile, and when the transaction fails the next one begins anew.
    var pass = foldPass.withLock { $0.take() } ?? FoldPass(records: records, bytes: bytes)
    let step = try writing(isCounted: false) { try pass.step(room, $0) }
    if !step.isOver { foldPass.withLock { [pass] in $0 = pass } }
    count {
      $0.total -= step.freed
      $0.total.table += step.growth
      if let kept = step.kept { $0.stuck = kept }
    }
    return backlog
  }
}
