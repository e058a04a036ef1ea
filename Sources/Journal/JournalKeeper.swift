import Cluster

/// When a journal may be called clean: then it is complete also after the machine has lost its power.
///
/// A loop that is idle for a second, and has nothing that the database lacks, has its file synced, then its mark, and
/// writes nothing meanwhile. The next frame makes it dirty, and until that is on the disk nobody is told what the frame
/// says. Whoever syncs does so elsewhere, one after the other. No I/O and no clock.
public struct JournalKeeper {
  private enum State: Equatable {
    case dirty
    /// What was written is on its way to the disk.
    case settling(changes: UInt64, sync: UInt64)
    /// The mark is there, or on its way.
    case clean(changes: UInt64)
    /// It is not any more, and that is on its way.
    case leaving(sync: UInt64)
  }

  /// Milliseconds.
  static let idle: Int64 = 1_000

  private let journal: Journal
  private var state = State.dirty
  private var syncs: UInt64 = 0
  private var lastChanges: UInt64 = 0
  private var idleSince: Instant?

  public init(_ journal: Journal) { self.journal = journal }

  /// Nothing was written since all of it was brought to the disk.
  public var isClean: Bool {
    if case .clean(let changes) = state { journal.changes == changes } else { false }
  }

  /// What was written last must not be told of yet.
  public var mustWait: Bool { if case .leaving = state { true } else { false } }

  /// A heartbeat has passed.
  /// - Parameter seconds: since 1970; nil where nobody is to be told of moments.
  /// - Returns: the number of the sync that is to be begun; nil: none.
  public mutating func tick(_ now: Instant, seconds: UInt32? = nil) -> UInt64? {
    if let seconds { journal.tick(seconds: seconds) }
    // What was written is not always told by way of the keeper: a clean journal would stay what it is not.
    if let sync = look() { return sync }
    guard state == .dirty, journal.isEmpty, journal.changes == lastChanges, let since = idleSince else {
      if state == .dirty {
        lastChanges = journal.changes
        idleSince = journal.isEmpty ? now : nil
      }
      return nil
    }
    guard now - since >= Self.idle else { return nil }
    idleSince = nil
    let sync = next()
    state = .settling(changes: journal.changes, sync: sync)
    return sync
  }

  /// Something may have been written; to be called before anybody is told of it.
  /// - Returns: the number of the sync that is to be begun; nil: none.
  public mutating func look() -> UInt64? {
    guard case .clean(let changes) = state, journal.changes != changes else { return nil }
    let sync = next()
    state = .leaving(sync: sync)
    return sync
  }

  /// All that was there when this sync was ordered is on the disk, or cannot be brought there.
  /// - Returns: the number of the sync that is to be begun; nil: none.
  public mutating func synced(_ sync: UInt64, isDone: Bool) -> UInt64? {
    switch state {
    case .settling(let changes, sync):
      guard isDone, journal.changes == changes, journal.isEmpty else {
        state = .dirty
        return nil
      }
      journal.mark(isClean: true)
      state = .clean(changes: changes)
      return next()
    case .leaving(sync): state = .dirty
    case .dirty, .settling, .clean, .leaving: break
    }
    return nil
  }

  private mutating func next() -> UInt64 {
    syncs += 1
    return syncs
  }
}
