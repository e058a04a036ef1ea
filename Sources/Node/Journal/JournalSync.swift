import Cluster
import Dispatch
import Drone
import Journal
import Logging
import NIOCore

/// A data loop's journal and its file: performs what `JournalKeeper` decides, and holds back what must not be said before
/// the disk has it. All but the syncs happens on the loop. Whoever writes to the journal holds the loop's lock, of whatever
/// loop he is; so the keeper looks at it, and marks it, under that lock.
final class JournalSync {
  private let file: JournalFile
  private let eventLoop: any EventLoop
  private let logger: Logger
  private var keeper: JournalKeeper
  private let core: GuardedLoop
  /// What waits, in order.
  private var held: [() -> Void] = []
  private var hasFailed = false
  /// One after the other, of all loops.
  private static let queue = DispatchQueue(label: "keyval.journal")

  /// - Parameter core: of the loop whose journal it is.
  init(
    _ journal: Journal, in file: JournalFile, of core: GuardedLoop, on eventLoop: any EventLoop,
    logger: Logger
  ) {
    self.core = core
    self.file = file
    self.eventLoop = eventLoop
    self.logger = logger
    keeper = JournalKeeper(journal)
  }

  func tick(_ now: Instant) {
    let seconds = UInt32(clamping: NodeClock.wallSeconds())
    ask { $0.tick(now, seconds: seconds) }
  }

  /// Says something that is in the journal: at once, or when the disk knows that the journal is not clean any more.
  func say(_ body: @escaping () -> Void) {
    if mustWait { held.append(body) } else { body() }
  }

  /// Whether `say` would say it later. Asked first where what is said is nothing to be kept.
  var mustWait: Bool {
    ask { $0.look() }
    return keeper.mustWait
  }

  /// - Parameter question: answers with the sync that is to be begun, if there is one.
  private func ask(_ question: (inout JournalKeeper) -> UInt64?) {
    if let sync = core.change({ _ in question(&keeper) }) { begin(sync) }
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
    ask { $0.synced(sync, isDone: isDone) }
    if core.change({ _ in keeper.isClean }) { file.leaveMemory() }
    guard !keeper.mustWait else { return }
    let bodies = held
    held = []
    for body in bodies { body() }
  }
}
