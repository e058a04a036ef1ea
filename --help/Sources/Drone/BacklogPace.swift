import Cluster

/// How far the database may be behind what is acknowledged: as many bytes as it stores within a given time, and never
/// more than a given number. It decides by what the database has shown, append by append, and not by the age of what
/// waits: by the time that is old, there may be more than can be stored in time.
///
/// While the database does not answer at all nothing is known of its pace. Then acknowledgements go on, ever slower, so
/// that they would reach the number of bytes after a given absence.
struct BacklogPace {
  private let bounds: DataBounds
  /// Bytes that were stored, and the milliseconds that it took, of late.
  private var stored = 0
  private var taken = 0
  /// Since when the database owes an answer, or is away.
  private var since: Instant?
  /// More waits than was sent, so that it is the database that is waited for.
  private var isBehind = false

  init(bounds: DataBounds) { self.bounds = bounds }

  /// An append is sent.
  /// - Parameter isBehind: more waits behind it.
  mutating func sent(isBehind: Bool, now: Instant) {
    since = since ?? now
    self.isBehind = isBehind
  }

  /// It is stored.
  mutating func answered(bytes: Int, now: Instant) {
    guard let since else { return }
    self.since = nil
    let time = max(1, Int(clamping: now - since))
    // Who was given little has not shown how fast he is, unless he was faster than was known.
    guard isBehind || taken > 0 && bytes * taken > stored * time else { return }
    // What is older than a few memories counts for little.
    let whole = Self.memory + time
    stored = stored * Self.memory / whole + bytes
    taken = taken * Self.memory / whole + time
  }

  /// The session with the database is over.
  mutating func lost(_ now: Instant) { since = since ?? now }

  /// It is there again, and owes nothing yet.
  mutating func found() { since = nil }

  /// Bytes that may be acknowledged and not stored.
  func window(_ now: Instant, timing: Timing) -> Int {
    var window = bounds.backlog
    if taken > 0 {
      let bytes = stored * Int(clamping: bounds.backlogTime) / taken
      window = min(window, max(bounds.appendLength, bytes))
    }
    guard let since, now - since > timing.suspicion else { return window }
    let share = min(now - since, bounds.absence)
    let grown = bounds.backlog * Int(share) / max(1, Int(bounds.absence))
    return min(bounds.backlog, min(window, bounds.backlog / 4) + grown)
  }

  /// Milliseconds of appends that say how fast the database is.
  private static let memory = 500
}
