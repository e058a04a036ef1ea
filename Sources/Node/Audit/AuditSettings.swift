/// What a node's configuration says of its audit log.
public struct AuditSettings: Hashable, Sendable {
  /// Which requests for keys are written down.
  public enum Data: String, Sendable, CaseIterable {
    case none
    /// `put`, `del` and what compares and puts.
    case writes
    case all
  }

  /// Whether keys of the store, which may be secrets, are named.
  public enum Keys: String, Sendable, CaseIterable {
    /// Their slots alone.
    case hidden
    case written
  }

  /// Nil: `audit.jsonl` in the node's directory.
  public var path: String?
  /// Of one file; the next line begins another.
  public var bytes = 16 << 20
  /// Files kept, the one that is written included.
  public var files = 16
  public var data = Data.none
  /// In lines of requests for keys, and of denials.
  public var keys = Keys.hidden
}
