import Cluster

/// Whether the store works, and when it is tried again while it does not.
struct StoreHealth: Sendable {
  /// So often a transaction that may work the next time is tried before those who wait for it are told.
  static let tries = 4

  private enum State {
    case well
    /// The transaction is tried again at the next tick.
    case held
    /// Everybody has been told, and nothing is tried before the next tick.
    case resting(StoreFailure)
    /// The next that comes is tried.
    case trying
    case over(StoreFailure)
  }

  /// What a failed transaction comes to.
  enum Consequence {
    case tryAgain
    /// Whoever waited for it is told, and others may be luckier.
    case tell
    /// Everybody who waits for the store is told: nothing can be stored.
    case tellAll
  }

  private var state = State.well
  private var failures = 0

  /// Whether a transaction may be begun.
  var mayTry: Bool {
    switch state {
    case .well, .trying: true
    case .held, .resting, .over: false
    }
  }

  var isWell: Bool { if case .well = state { true } else { false } }

  var isOver: Bool { if case .over = state { true } else { false } }

  /// What whoever asks for something is told instead; nil while it may wait for its turn.
  var refusal: String? {
    switch state {
    case .resting(let failure), .over(let failure): failure.told
    case .well, .held, .trying: nil
    }
  }

  mutating func fail(_ failure: StoreFailure) -> Consequence {
    if isOver { return .tellAll }
    failures += 1
    switch failure.trouble {
    case .passing where failures < Self.tries:
      state = .held
      return .tryAgain
    case .passing, .waiting:
      state = .resting(failure)
      return .tellAll
    case .partial: return .tell
    case .final:
      state = .over(failure)
      return .tellAll
    }
  }

  /// - Parameter hasStored: whether the transaction has changed the store: one that has not proves nothing.
  /// - Returns: whether that is news.
  mutating func succeed(hasStored: Bool) -> Bool {
    failures = 0
    guard case .trying = state, hasStored else { return false }
    state = .well
    return true
  }

  /// Time has passed.
  /// - Returns: whether the transaction that failed is to be tried again.
  mutating func wake() -> Bool {
    switch state {
    case .held:
      state = .well
      return true
    case .resting:
      state = .trying
      return false
    case .well, .trying, .over: return false
    }
  }
}

extension DatabaseCore {
  static let unreadable = "what this database has stored of these partitions is damaged; its log has more"

  /// A fold that fails hinders nobody as long as there is room in the log. Of anything else drones are told, so that they
  /// keep what they have and ask again: nothing of theirs waits here for a store that does not work.
  mutating func receive(_ failure: StoreFailure, _ backlog: StoreBacklog) {
    actions.append(.note(.storeFailed(reason: failure.told)))
    if case .fold = jobs.current, failure.trouble != .final {
      return tellCurrent(failure, backlog)
    }
    switch health.fail(failure) {
    case .tryAgain: break
    case .tell: tellCurrent(failure, backlog)
    case .tellAll:
      tellCurrent(failure, backlog)
      for waiting in jobs.dropWaiting() { fail(waiting, failure.told) }
    }
  }

  /// A reader has found a store of no more use: whoever waits for it to write is told, too. What is under way there finds
  /// out by itself.
  mutating func end(with failure: StoreFailure) {
    guard failure.trouble == .final, !health.isOver else { return }
    actions.append(.note(.storeFailed(reason: failure.told)))
    _ = health.fail(failure)
    for waiting in jobs.dropWaiting() { fail(waiting, failure.told) }
  }

  mutating func giveUpIfOver() {
    guard health.isOver, !hasGivenUp else { return }
    hasGivenUp = true
    actions.append(.giveUp)
  }

  private mutating func tellCurrent(_ failure: StoreFailure, _ backlog: StoreBacklog) {
    if let current = jobs.fail(reason: failure.told, backlog: backlog) { fail(current, failure.told) }
  }

  mutating func wakeStore() {
    if health.wake(), let job = jobs.again { actions.append(.perform(job)) }
  }

  /// Once for each.
  mutating func note(_ damages: [DamagedRow]) {
    for damage in damages where self.damages.insert(damage).inserted {
      actions.append(.note(.damaged(damage)))
    }
  }
}
