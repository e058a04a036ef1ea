import Cluster
import Dispatch
import Journal
import Logging
import NIOCore

/// A data loop's journal and its file: performs what `JournalKeeper` decides, and holds back what must not be said before
/// the disk has it. All but the syncs happens on the loop.
final class JournalSync {
  let journal: Journal
  private let file: JournalFile
  private let eventLoop: any EventLoop
  private let logger: Logger
  private var keeper: JournalKeeper
  /// What waits, in order.
  private var held: [() -> Void] = []
  private var hasFailed = false
  /// One after the other, of all loops.
  private static let queue = DispatchQueue(label: "keyval.journal")

  init(_ journal: Journal, in file: JournalFile, on eventLoop: any EventLoop, logger: Logger) {
    self.journal = journal
    self.file = file
    self.eventLoop = eventLoop
    self.logger = logger
    keeper = JournalKeeper(journal)
  }

  func tick(_ now: Instant) { if let sync = keeper.tick(now) { begin(sync) } }

  /// Says something that is in the journal: at once, or when the disk knows that the journal is not clean any more.
  func say(_ body: @escaping () -> Void) {
    if let sync = keeper.look() { begin(sync) }
    if keeper.mustWait { held.append(body) } else { body() }
  }

  /// Whether `say` would say it later. Asked first where what is said is nothing to be kept.
  var mustWait: Bool {
    if let sync = keeper.look() { begin(sync) }
    return keeper.mustWait
  }

  private func begin(_ sync: UInt64) {
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    guard let work = file.sync() else { return eventLoop.execute { bound.value.ended(sync, false) } }
    let eventLoop = eventLoop
    Self.queue.async {
      let isDone = work()
      eventLoop.execute { bound.value.ended(sync, isDone) }
    }
  }

  private func ended(_ sync: UInt64, _ isDone: Bool) {
    if !isDone, !hasFailed {
      logger.error(
        "a journal cannot be synced: after a loss of power it may be taken for complete and not be")
    }
    hasFailed = !isDone
    if let next = keeper.synced(sync, isDone: isDone) { begin(next) }
    if keeper.isClean { file.leaveMemory() }
    guard !keeper.mustWait else { return }
    let bodies = held
    held = []
    for body in bodies { body() }
  }
}
