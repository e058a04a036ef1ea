/// A line of an audit log, taken apart as far as its place in the chain needs.
struct AuditLine: Equatable {
  /// Longer than any line that is written, newline not counted.
  static let maximumLength = 32 << 10

  /// Numbers from here on are nobody's, so that there is always a next one.
  private static let endOfSequences = UInt64(Int64.max)

  let sequence: UInt64
  /// The hash of the line before.
  let previous: [UInt8]
  let event: String
  let action: String
  let outcome: String
  let count: UInt64?
  let digest: [UInt8]?

  var isOfTheLog: Bool { event == AuditEvent.Kind.log.rawValue }
  /// Whether a process began with it.
  var isStart: Bool { isOfTheLog && action == AuditEvent.openedAction && outcome == AuditEvent.started }
  /// Whether a process ended with it in order.
  var isEnd: Bool { isOfTheLog && action == AuditEvent.closedAction }
  /// Whether its file was begun because the one before was gone.
  var beginsInsteadOfAnother: Bool { isOfTheLog && outcome == AuditEvent.fileGone }
  /// Whether it tells of bytes before it that are no whole line.
  var tellsOfTornBytes: Bool { isOfTheLog && action == AuditChain.tornAction }

  /// Nil unless the bytes are a whole line, in the form in which lines are written.
  init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count <= Self.maximumLength else { return nil }
    var reader = FlatObjectReader(Array(bytes))
    guard let fields = reader.read(), fields.count >= 6 else { return nil }
    let head = fields.prefix(6).map(\.name)
    guard head == ["sequence", "time", "previous", "event", "action", "outcome"],
      let sequence = UInt64(fields[0].value), sequence > 0, sequence < Self.endOfSequences,
      let previous = Hexadecimal.bytes(fields[2].value.utf8), previous.count == AuditHead.hashLength
    else { return nil }
    self.sequence = sequence
    self.previous = previous
    event = fields[3].value
    action = fields[4].value
    outcome = fields[5].value
    count = fields.first { $0.name == "count" }.flatMap { UInt64($0.value) }
    digest = fields.first { $0.name == "digest" }.flatMap { Hexadecimal.bytes($0.value.utf8) }
  }
}

/// Reads one JSON object of texts and whole numbers, without blanks, in printable ASCII. Texts stay as they are
/// written, escapes and all.
private struct FlatObjectReader {
  struct Field {
    let name: String
    let value: String
  }

  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Nil when that is not what the bytes are, all of them.
  mutating func read() -> [Field]? {
    guard bytes.allSatisfy({ (0x20...0x7e).contains($0) }), take("{") else { return nil }
    var fields: [Field] = []
    repeat {
      guard let name = text(), take(":"), let value = next == UInt8(ascii: "\"") ? text() : number() else {
        return nil
      }
      fields.append(Field(name: name, value: value))
    } while take(",")
    return take("}") && position == bytes.count ? fields : nil
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func text() -> String? {
    guard take("\"") else { return nil }
    let start = position
    while let byte = next, byte != UInt8(ascii: "\"") {
      position += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    guard position < bytes.count else { return nil }
    defer { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func number() -> String? {
    let start = position
    if next == UInt8(ascii: "-") { position += 1 }
    while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    return text.last?.isNumber == true ? text : nil
  }
}
