import Cryptography

/// The end of an audit log that is being written: each line carries the hash of the one before, over the end of files.
///
/// The hash needs no secret. It shows a line that was removed, altered or moved by whoever did not write all lines
/// behind it anew; against who does, somebody must have kept an ``AuditHead`` elsewhere.
public struct AuditChain: Sendable {
  static let tornAction = "torn"
  /// Bytes at the end of a file that are looked at for its last whole line.
  public static let tailLength = 128 << 10
  /// More than that without a whole line is not what a crash leaves.
  static let maximumTornLength = 64 << 10

  /// The last line.
  public private(set) var head: AuditHead

  public init(after head: AuditHead = .none) { self.head = head }

  /// The next line, its newline included.
  /// - Parameters:
  ///   - milliseconds: since 1970.
  ///   - leftOut: how many events like this one were left out before it.
  public mutating func append(
    _ event: AuditEvent, at milliseconds: Int64, leftOut: UInt64 = 0
  ) -> [UInt8] {
    let sequence = head.sequence + 1
    let line = AuditLine.encode(
      event, sequence: sequence, after: head.hash, at: milliseconds, leftOut: leftOut)
    head = AuditHead(sequence: sequence, hash: SHA256.hash(line))
    return line + [UInt8(ascii: "\n")]
  }

  /// The line that says of the bytes before it that no line was completed there. The chain goes on around them.
  public mutating func appendTorn(_ torn: TornBytes, at milliseconds: Int64) -> [UInt8] {
    let event = AuditEvent(
      .log, Self.tornAction, outcome: "left where they are", count: UInt64(torn.bytes.count),
      digest: SHA256.hash(torn.bytes), reason: "the process or the machine stopped within a line")
    let line = append(event, at: milliseconds)
    return torn.endsWithNewline ? line : [UInt8(ascii: "\n")] + line
  }
}

/// What stands behind the last whole line of a file.
public struct TornBytes: Hashable, Sendable {
  /// Without the newline at their end.
  let bytes: [UInt8]
  let endsWithNewline: Bool

  /// - Returns: nil for no bytes at all.
  public init?(_ bytes: some Collection<UInt8>) {
    guard !bytes.isEmpty else { return nil }
    var bytes = Array(bytes)
    endsWithNewline = bytes.last == UInt8(ascii: "\n")
    if endsWithNewline { bytes.removeLast() }
    self.bytes = bytes
  }

  public var count: Int { bytes.count }

  /// With more behind them.
  public func followed(by more: some Collection<UInt8>) -> TornBytes {
    TornBytes(bytes + (endsWithNewline ? [UInt8(ascii: "\n")] : []) + more) ?? self
  }
}

/// The end of a file as the process before has left it.
public struct AuditTail: Hashable, Sendable {
  /// The last whole line; nil when there is none.
  public let head: AuditHead?
  public let torn: TornBytes?
  /// Whether a chain can go on here: there is a whole line, or next to nothing.
  public let isUsable: Bool

  /// - Parameters:
  ///   - bytes: the last of a file, ``AuditChain/tailLength`` at most.
  ///   - isWholeFile: whether the file has no others.
  public init(_ bytes: [UInt8], isWholeFile: Bool) {
    var end = bytes.count
    // From the last newline backwards, line by line.
    while let newline = bytes[..<end].lastIndex(of: UInt8(ascii: "\n")) {
      let start = bytes[..<newline].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      let text = Array(bytes[start..<newline])
      if let line = AuditLine(text) {
        head = AuditHead(sequence: line.sequence, hash: SHA256.hash(text))
        torn = TornBytes(bytes[(newline + 1)...])
        isUsable = bytes.count - newline <= AuditChain.maximumTornLength
        return
      }
      end = newline
    }
    head = nil
    torn = TornBytes(bytes)
    isUsable = isWholeFile && bytes.count <= AuditChain.maximumTornLength
  }
}
