import Wire

/// Administrator → authority: create this node's principal with a one-time password.
public struct EnrollmentRequest: Hashable, Sendable {
  /// The administrator's number, repeated in the answer.
  public let number: UInt64
  public let principal: Principal

  public init(number: UInt64, principal: Principal) {
    self.number = number
    self.principal = principal
  }
}

/// Authority → administrator. It travels over the sealed session only, and the authority keeps no copy.
public struct EnrollmentAnswer: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  public enum Outcome: Hashable, Sendable {
    /// Seconds until the password and the principal expire, unless the node completes its enrollment.
    case created(password: String, secondsToLive: UInt64)
    /// A sentence for the administrator.
    case refused(reason: String)
  }

  public let number: UInt64
  public let outcome: Outcome

  public init(number: UInt64, outcome: Outcome) {
    self.number = number
    self.outcome = outcome
  }

  /// Without the password, so that an answer that is logged or dumped gives nothing away.
  public var description: String {
    switch outcome {
    case .created(_, let seconds): "EnrollmentAnswer(\(number), created for \(seconds) s)"
    case .refused(let reason): "EnrollmentAnswer(\(number), refused: \(reason))"
    }
  }

  public var customMirror: Mirror { Mirror(self, children: ["number": number]) }
}

extension EnrollmentRequest: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(unsigned: number)
    principal.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(number: try reader.readUnsigned(), principal: try Principal(from: &reader))
  }
}

extension EnrollmentAnswer: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(4)
    writer.write(unsigned: number)
    switch outcome {
    case .created(let password, let seconds):
      writer.write(unsigned: 1)
      writer.write(text: password)
      writer.write(unsigned: seconds)
    case .refused(let reason):
      writer.write(unsigned: 2)
      writer.write(text: reason)
      writer.write(unsigned: 0)
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 4)
    let number = try reader.readUnsigned()
    let kind = try reader.readUnsigned()
    let text = try reader.readText()
    let offset = reader.offset
    let seconds = try reader.readUnsigned()
    guard kind == 1 || seconds == 0 else { throw .outOfRange(field: "a life", offset: offset) }
    switch kind {
    case 1: self.init(number: number, outcome: .created(password: text, secondsToLive: seconds))
    case 2: self.init(number: number, outcome: .refused(reason: text))
    default: throw .unknownValue(field: "an outcome", value: kind)
    }
  }
}
