/// An operation on one key, described in one place. A new one is a file beside this one and a line in ``ReadKind`` or
/// ``WriteKind``: number, encoding, right, execution and audit follow from it.
public protocol KeyOperation {
  /// As people say it.
  static var name: String { get }
  /// What it takes, all of them.
  static var rights: AccessOperations { get }
}

extension KeyOperation {
  /// What the rights are for, in words: "get and put".
  public static var rightsInWords: String {
    AccessOperations.named.filter { rights.contains($0.operation) }.map(\.name).joined(separator: " and ")
  }
}

/// Changes nothing: `[kind, number, key]`.
public protocol ReadOperation: KeyOperation {
  /// What is answered of a key that has a value; of one that has none it is `not found`.
  static func answer(number: UInt64, _ value: UnsafeRawBufferPointer, _ version: () -> Version) -> DataAnswer
  /// Whether it is answered only when nothing of what it tells can be lost any more.
  static var isSecured: Bool { get }
}

/// Is a record of the partition's log, whatever it comes to: its outcome is kept, so that a retry is told the same.
/// `[kind, number, write, retry, level, key, operands…]`.
public protocol WriteOperation: KeyOperation {
  /// What follows the key.
  static var operands: WriteOperands { get }
  /// What it does to a key, and comes to.
  /// - Parameter current: the key's value behind all writes before this one; nil: it has none.
  /// - Returns: what points into the request, or into nothing.
  static func effect(of request: WriteRequest, on current: UnsafeRawBufferPointer?) -> WriteEffect
}

/// What a write carries beside its key, in this order.
public struct WriteOperands: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The value that the key shall have; null: none.
  public static let expected = WriteOperands(rawValue: 1 << 0)
  /// What is to be stored.
  public static let value = WriteOperands(rawValue: 1 << 1)

  var count: Int { rawValue.nonzeroBitCount }
}

public struct WriteEffect {
  public let change: LogRecordView.Change
  public let outcome: Outcome

  public init(_ change: LogRecordView.Change, _ outcome: Outcome) {
    (self.change, self.outcome) = (change, outcome)
  }
}
