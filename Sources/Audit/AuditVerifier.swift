import Cryptography

/// Reads the files of one log in their order, a piece at a time, and tells what is wrong with the chain. It keeps one
/// line, and what may be torn, in memory; however long the files are.
public struct AuditVerifier {
  public struct Summary: Hashable, Sendable {
    public var files = 0
    public var lines: UInt64 = 0
    public var first: UInt64?
    /// The last line: keep it, and expect it the next time.
    public var head: AuditHead?
    public var findings = 0
    public var isUntouched: Bool { findings == 0 }
  }

  private let report: (AuditFinding) -> Void
  private var expected: [AuditHead]
  private var summary = Summary()
  private var file = ""
  private var line = 0
  /// Whether no whole line of this file has come yet.
  private var isAtStart = true
  /// What has come of the line that is being read.
  private var partial: [UInt8] = []
  private var isTooLong = false
  private var unreadable: Unreadable?
  /// Whether the last line is one after which a process may begin.
  private var isEnded = true
  private var hasMetExpected = false

  /// Lines that cannot be read: torn, if the next one says so.
  private struct Unreadable {
    let first: Int
    var lines = 0
    /// Nil when they are more than a crash leaves.
    var bytes: [UInt8]? = []

    mutating func add(_ line: [UInt8], isTooLong: Bool) {
      if lines > 0 { bytes?.append(UInt8(ascii: "\n")) }
      lines += 1
      bytes?.append(contentsOf: line)
      if isTooLong || (bytes?.count ?? 0) > AuditChain.maximumTornLength { bytes = nil }
    }
  }

  /// - Parameters:
  ///   - expected: lines that must be there, or of which the first line must be the next.
  ///   - report: told of each finding, in the order of the lines.
  public init(expected: [AuditHead] = [], report: @escaping (AuditFinding) -> Void) {
    self.expected = expected
    self.report = report
  }

  /// What is read from here on stands in this file.
  public mutating func begin(file: String) {
    endFile(isLast: false)
    self.file = file
    line = 0
    isAtStart = true
    summary.files += 1
  }

  /// The number of the first whole line in the beginning of a file, to bring files into their order; the highest there is
  /// when there is none.
  public static func firstSequence(in bytes: [UInt8]) -> UInt64 {
    bytes.split(separator: UInt8(ascii: "\n")).lazy.compactMap { AuditLine($0)?.sequence }.first ?? .max
  }

  public mutating func read(_ bytes: some Collection<UInt8>) {
    var rest = bytes[...]
    while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
      add(rest[..<newline])
      finishLine()
      rest = rest[rest.index(after: newline)...]
    }
    add(rest)
  }

  public mutating func finish() -> Summary {
    endFile(isLast: true)
    for head in expected {
      // Rotation takes old lines; but one that was expected must be there, or nothing is proved.
      let isOlder = hasMetExpected && head.sequence < summary.first ?? 0
      say(isOlder ? .expectedOlder(head) : .expectedMissing(head), at: nil)
    }
    return summary
  }

  // MARK: Lines

  private mutating func add(_ bytes: some Collection<UInt8>) {
    // A crash may leave one long piece, so more than a line is kept.
    guard !isTooLong, partial.count + bytes.count <= AuditChain.maximumTornLength else {
      isTooLong = true
      return partial.removeAll()
    }
    partial.append(contentsOf: bytes)
  }

  private mutating func finishLine() {
    line += 1
    // Used in place: a copy would be as long as the longest line so far, for each empty one.
    defer {
      partial.removeAll(keepingCapacity: true)
      isTooLong = false
    }
    guard let parsed = AuditLine(partial) else {
      var lines = unreadable ?? Unreadable(first: line)
      lines.add(partial, isTooLong: isTooLong)
      unreadable = lines
      return
    }
    settleUnreadable(before: parsed)
    summary.lines += 1
    if isAtStart, !parsed.isOfTheLog { say(.beginsWithin(sequence: parsed.sequence), at: line) }
    isAtStart = false
    follow(parsed, AuditHead(sequence: parsed.sequence, hash: SHA256.hash(partial)))
    // Where a line is torn it was told of that nobody ended.
    isEnded = parsed.isEnd || parsed.tellsOfTornBytes
    if parsed.isOfTheLog, parsed.action == AuditEvent.lostAction, let count = parsed.count {
      say(.lost(count), at: line)
    }
    if parsed.isOfTheLog, parsed.action == AuditEvent.alteredAction { say(.alteredMeanwhile, at: line) }
  }

  private mutating func settleUnreadable(before next: AuditLine?) {
    defer { unreadable = nil }
    guard let next, next.tellsOfTornBytes else {
      if let unreadable { say(.unreadable(lines: unreadable.lines), at: unreadable.first) }
      return
    }
    if let bytes = unreadable?.bytes, let count = next.count, count == UInt64(bytes.count),
      next.digest == SHA256.hash(bytes)
    {
      say(.torn(bytes: count), at: unreadable?.first)
    } else {
      say(.tornBytesAltered, at: line)
    }
  }

  private mutating func follow(_ parsed: AuditLine, _ head: AuditHead) {
    meet(head)
    guard let last = summary.head else {
      begin(with: parsed, head)
      return
    }
    if parsed.sequence == 1, parsed.previous == AuditHead.none.hash, parsed.isOfTheLog, last.sequence > 1 {
      say(.beganAnew, at: line)
    } else if parsed.sequence <= last.sequence {
      // The chain is followed from the line that was reached.
      return say(.outOfOrder(sequence: parsed.sequence, after: last.sequence), at: line)
    } else if parsed.sequence > last.sequence + 1 {
      say(.missing(first: last.sequence + 1, last: parsed.sequence - 1), at: line)
    } else if parsed.previous != last.hash {
      say(.unchained(sequence: parsed.sequence), at: line)
    } else if parsed.isStart, !isEnded {
      say(.notEnded, at: line)
    }
    summary.head = head
  }

  private mutating func begin(with parsed: AuditLine, _ head: AuditHead) {
    let before = AuditHead(sequence: parsed.sequence - 1, hash: parsed.previous)
    if before.sequence == 0, before != .none { say(.unchained(sequence: 1), at: line) }
    if before.sequence > 0 {
      say(
        parsed.beginsInsteadOfAnother
          ? .beganInstead(sequence: parsed.sequence) : .beginsLater(sequence: parsed.sequence), at: line)
    }
    meet(before)
    summary.first = parsed.sequence
    summary.head = head
  }

  private mutating func meet(_ head: AuditHead) {
    guard expected.contains(where: { $0.sequence == head.sequence }) else { return }
    for other in expected where other.sequence == head.sequence {
      if other == head { hasMetExpected = true } else { say(.notAsExpected(other), at: line) }
    }
    expected.removeAll { $0.sequence == head.sequence }
  }

  private mutating func endFile(isLast: Bool) {
    guard summary.files > 0 else { return }
    if isAtStart, partial.isEmpty, !isTooLong, unreadable == nil { say(.empty, at: nil) }
    if !partial.isEmpty || isTooLong {
      line += 1
      if isLast, !isTooLong, unreadable == nil {
        say(.unfinished, at: line)
      } else {
        var lines = unreadable ?? Unreadable(first: line)
        lines.add(partial, isTooLong: isTooLong)
        unreadable = lines
      }
    }
    settleUnreadable(before: nil)
    partial = []
    isTooLong = false
  }

  private mutating func say(_ kind: AuditFinding.Kind, at line: Int?) {
    let finding = AuditFinding(file: file, line: line, kind: kind)
    if finding.isTampering { summary.findings += 1 }
    report(finding)
  }
}
