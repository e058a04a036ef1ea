import Cluster

/// Whether a database answers: judged by its answers and not by its connection, since a process that hangs and a
/// host that is cut off keep theirs. A drone that took an open connection for a database within reach would have
/// its commander believe that it alone has lost it, and leave an office that nobody can be elected to meanwhile.
public struct DatabaseWatch: Sendable {
  public enum Verdict: Equatable, Sendable {
    case nothing
    /// Ask it something: it has been quiet, and owes nothing.
    case probe
    /// It owes an answer for too long: it is not within reach.
    case lost
    /// It has owed an answer for so long that another connection is the better hope.
    case giveUp
  }

  private let timing: Timing
  /// When it last answered, or since when it owes an answer.
  private var since: Instant?
  private var owes = false
  public private(set) var isReached = false

  public init(timing: Timing) { self.timing = timing }

  /// The handshake has shown that it is there.
  public mutating func opened(at now: Instant) {
    since = now
    owes = false
    isReached = true
  }

  public mutating func closed() {
    since = nil
    isReached = false
  }

  public mutating func asked(at now: Instant) {
    guard !owes else { return }
    owes = true
    since = now
  }

  /// - Parameter owesMore: whether other questions wait for their answers.
  /// - Returns: whether it had been lost.
  public mutating func answered(owesMore: Bool, at now: Instant) -> Bool {
    guard since != nil else { return false }
    owes = owesMore
    since = now
    defer { isReached = true }
    return !isReached
  }

  /// To be asked about every heartbeat.
  /// - Parameter patiently: another connection may not be had: whoever gives tickets may be about to end as well.
  public mutating func tick(_ now: Instant, patiently: Bool = false) -> Verdict {
    guard let since else { return .nothing }
    // What it is judged by is whether it has been away for several seconds: that is seen in time.
    guard owes else { return now - since >= timing.suspicion ? .probe : .nothing }
    if now - since > timing.resignation * (patiently ? 6 : 1) { return .giveUp }
    guard now - since > timing.suspicion, isReached else { return .nothing }
    isReached = false
    return .lost
  }
}
