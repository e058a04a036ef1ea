import Cluster

/// How a drone ends in order: first what only memories have goes to the database, for as long as that takes, since others
/// could not know what it was; then the commander gives its partitions to others, who would have to wait for the end of
/// leases otherwise. Fed with what is seen in a look every `look` milliseconds.
public struct HandoverCore: Sendable {
  public enum Step: Hashable, Sendable {
    case lookAgain
    /// Nothing here is missing elsewhere: tell the drone that it is retired, and look on with `hasGivenAll`.
    case retire
    /// The process may end.
    case end
    /// Somebody would not wait, or waited in vain: the process ends with what it has.
    case cutShort
  }

  private enum Phase: Sendable {
    /// All that is served here is stored since then.
    case storing(storedAt: Instant?)
    case giving(since: Instant)
  }

  /// Milliseconds between two looks.
  public static let look: Int64 = 10
  /// Milliseconds that the commander may take to have promoted what nobody serves, once the rest is stored.
  static let promoting: Int64 = 30_000
  /// Milliseconds that a drone which has nothing any more waits until others have what it had. A commander that did not
  /// wait for that would cost them an election and the end of leases.
  static let giving: Int64 = 5_000

  private var phase = Phase.storing(storedAt: nil)

  public init() {}

  /// - Parameters:
  ///   - isStored: whether the database has everything of what is served here.
  ///   - orphans: partitions that nobody serves and of which only this drone may have the newest writes; nil while that is
  ///     not known.
  ///   - isHurried: whether somebody will not wait.
  public mutating func looked(isStored: Bool, orphans: Int?, isHurried: Bool, now: Instant) -> Step {
    guard case .storing(var storedAt) = phase else { return .retire }
    if isStored, orphans == 0 {
      phase = .giving(since: now)
      return .retire
    }
    storedAt = isStored ? storedAt ?? now : nil
    phase = .storing(storedAt: storedAt)
    let isOverdue = storedAt.map { now - $0 >= Self.promoting } ?? false
    return isHurried || isOverdue ? .cutShort : .lookAgain
  }

  /// - Parameter hasGivenAll: whether others have what this drone served (`DroneCore.hasGivenAll`).
  public mutating func looked(hasGivenAll: Bool, isHurried: Bool, now: Instant) -> Step {
    guard !hasGivenAll else { return .end }
    if case .storing = phase { phase = .giving(since: now) }
    guard case .giving(let since) = phase, now - since < Self.giving, !isHurried else { return .cutShort }
    return .lookAgain
  }
}

extension DroneCore {
  /// Whether the map gives this drone nothing, or nobody is there who could change that. A commander stays until those
  /// that it gave its partitions to serve them: its successor would have them wait for the end of leases.
  /// - Parameter isAllServed: of the office that this process holds; nil while it holds none.
  public func hasGivenAll(isAllServed: Bool?) -> Bool {
    guard hearsCommander else { return true }
    return owned.isEmpty && isAllServed ?? true
  }
}
