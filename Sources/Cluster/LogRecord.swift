import Wire

/// One write of a partition's log: what changed, who asked, and what was answered, so that a retry gets the
/// first outcome even from the next owner.
public struct LogRecord: Hashable, Sendable {
  public enum Change: Hashable, Sendable {
    case put(value: [UInt8])
    case delete
    /// Only the outcome is kept: of a compare-and-put that found another value, and of a record that another of the same
    /// append has overwritten, which has no key then.
    case nothing
  }

  public let key: [UInt8]
  public let change: Change
  public let client: ClientIncarnation
  /// The client's number of this write.
  public let write: UInt64
  /// What was answered.
  public let outcome: Outcome
  /// Of what was asked for (`WriteDigest`); nil where that was not kept.
  public let digest: UInt32?

  public init(
    key: [UInt8], change: Change, client: ClientIncarnation, write: UInt64, outcome: Outcome,
    digest: UInt32? = nil
  ) {
    self.key = key
    self.change = change
    self.client = client
    self.write = write
    self.outcome = outcome
    self.digest = digest
  }

  /// What it takes on the wire at most, in bytes.
  public var approximateLength: Int {
    guard case .put(let value) = change else { return key.count + 48 }
    return key.count + value.count + 48
  }

  /// Calls `body` with the same record in place.
  public func withView<Result>(_ body: (LogRecordView) throws -> Result) rethrows -> Result {
    try key.withUnsafeBytes { key in
      func view(_ change: LogRecordView.Change) -> LogRecordView {
        LogRecordView(
          key: key, change: change, client: client, write: write, outcome: outcome, digest: digest)
      }
      return switch change {
      case .put(let value): try value.withUnsafeBytes { try body(view(.put(value: $0))) }
      case .delete: try body(view(.delete))
      case .nothing: try body(view(.nothing))
      }
    }
  }
}

extension LogRecord: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    withView { $0.encode(into: &writer) }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    self = try LogRecordView(from: &reader).record
  }
}
