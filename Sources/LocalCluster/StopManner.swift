/// How the processes of a cluster are ended that may have what nobody else has.
public struct StopManner: Sendable {
  /// What becomes of drones that still wait for the database when nobody waits for them any more.
  public enum Afterwards: Sendable {
    /// They go on waiting, and so does the database; the caller is told.
    case leave
    /// They are ended, and what only they had is lost.
    case end
  }

  /// For how long drones are waited for.
  public let patience: Duration
  public let afterwards: Afterwards
  /// Takes a line for somebody who waits.
  let tell: @Sendable (String) -> Void
  /// Whether whoever waits has had enough of it.
  let isHurried: @Sendable () -> Bool

  public init(
    patience: Duration = .seconds(30), afterwards: Afterwards = .leave,
    tell: @escaping @Sendable (String) -> Void = { _ in },
    isHurried: @escaping @Sendable () -> Bool = { false }
  ) {
    self.patience = patience
    self.afterwards = afterwards
    self.tell = tell
    self.isHurried = isHurried
  }

  /// Ends everything within seconds.
  public static func force(tell: @escaping @Sendable (String) -> Void = { _ in }) -> StopManner {
    StopManner(patience: .seconds(5), afterwards: .end, tell: tell)
  }
}
