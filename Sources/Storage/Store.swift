import Cluster
import StoreRules

/// A database's data at rest, whatever keeps it: what a database node needs of it, and no more.
///
/// Who implements one has rows (`StoreSnapshot`, `StoreTransaction`) and runs the rules over them (`StoreRules`,
/// `StoreBooks`): fences, lists, appends and openings are the same for all. Every operation blocks. It is one transaction
/// that is durable when it returns, and has changed nothing when it throws.
public protocol Store: Sendable {
  /// What of the log waits to be folded.
  var backlog: StoreBacklog { get }
  /// Which store it is, and how far it has come.
  var mark: StoreMark { get }

  /// Terms and keys, as they are stored.
  func standing() throws(StoreError) -> StoreStanding
  /// Performs what a database's core asks for. Called by one thread at a time.
  func perform(_ job: StoreJob) throws(StoreError) -> StoreJobResult
  /// Reads opened partitions, one after the other, in one snapshot; may be called by several threads beside `perform`.
  /// - Parameter receive: called on this thread, and may block; answers whether it wants more.
  /// - Throws: `fenced`; `cancelled` when `receive` wants no more; what else befalls a store.
  func contents(of opening: PartitionOpening, receive: (StorePart) -> Bool) throws(StoreError)
  /// Reads some rows more and looks whether they are as they were written; after the last it begins anew.
  func scrub() throws(StoreError) -> ScrubStep
  /// Called last, when nothing is under way.
  func close() throws(StoreError)
}
