import Wire

/// What a write came to. It is kept with the write's log record, so that a retry is told the same by whoever owns the
/// key then.
///
/// On the wire true, false or null for what was written, and an array that begins with a number for everything else:
/// `[1, matched]`.
public enum Outcome: Hashable, Sendable {
  /// A put or delete is done; whether the key had a value before. Nil where who asked may not read the key: what is not
  /// kept cannot be told later.
  case written(existed: Bool?)
  /// A compare-and-put: whether the value was the expected one. If not, nothing was changed.
  case compared(matched: Bool)

  /// What is said of it to who may read the key, or may not.
  @inline(__always)
  public func told(mayRead: Bool) -> Outcome {
    guard !mayRead, case .written = self else { return self }
    return .written(existed: nil)
  }

  /// Whether an operation of this kind can come to it.
  public func isOutcome(of kind: WriteKind) -> Bool {
    switch self {
    case .written: kind != .compareAndPut
    case .compared: kind == .compareAndPut
    }
  }

  /// As an operation of this kind tells it. Logs of before there were kinds of outcomes have true and false for all.
  public func told(of kind: WriteKind) -> Outcome {
    guard kind == .compareAndPut, case .written(let existed) = self else { return self }
    return .compared(matched: existed ?? false)
  }
}

extension Outcome: WireMessage {
  private static let comparedKind: UInt64 = 1

  /// In bytes, at most: the room that is asked for.
  static var longest: Int { 3 * CBORWriter.longestHead }

  public func encode(into writer: inout CBORWriter) {
    writer.write(atMost: Self.longest) { encode(into: &$0) }
  }

  @inline(__always)
  func encode(into writer: inout CBORCursor) {
    switch self {
    case .written(let existed): writer.write(optional: existed)
    case .compared(let matched):
      writer.beginArray(2)
      writer.write(unsigned: Self.comparedKind)
      writer.write(bool: matched)
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    guard reader.isArrayNext else {
      self = .written(existed: try reader.readOptionalBool())
      return
    }
    try reader.readArrayHeader(exactly: 2)
    switch try reader.readUnsigned() {
    case Self.comparedKind: self = .compared(matched: try reader.readBool())
    case let kind: throw .unknownKind("an outcome", kind: kind)
    }
  }
}

extension Outcome {
  /// In one byte.
  package var packed: UInt8 {
    switch self {
    case .written(existed: nil): 0
    case .written(existed: false?): 1
    case .written(existed: true?): 2
    case .compared(matched: false): 3
    case .compared(matched: true): 4
    }
  }

  /// - Parameter packed: what ``packed`` gave.
  package init(packed: UInt8) {
    self =
      switch packed {
      case 1: .written(existed: false)
      case 2: .written(existed: true)
      case 3: .compared(matched: false)
      case 4: .compared(matched: true)
      default: .written(existed: nil)
      }
  }
}
