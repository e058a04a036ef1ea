/// What the verifier has to say of a log.
public struct AuditFinding: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    // Nobody but a hand, or a broken disk, does these.
    /// The file has no line, and each is begun with one.
    case empty
    /// These lines are no lines of an audit log.
    case unreadable(lines: Int)
    /// Sequence numbers are missing before this line.
    case missing(first: UInt64, last: UInt64)
    /// A line of this number, or a later one, was there before.
    case outOfOrder(sequence: UInt64, after: UInt64)
    /// The line has the number that follows, but does not name the line before: one of the two was altered, or is of
    /// another log.
    case unchained(sequence: UInt64)
    /// The file does not begin as files do: its first lines are gone.
    case beginsWithin(sequence: UInt64)
    /// Torn bytes are not there, or are others than the line says.
    case tornBytesAltered
    /// A new chain begins behind another.
    case beganAnew
    /// The line with that number is another than the one that was expected.
    case notAsExpected(AuditHead)
    /// The line that was expected is not there.
    case expectedMissing(AuditHead)
    /// The process that wrote this line had found that its file was not as it had left it.
    case alteredMeanwhile
    /// The process found the file before the first one gone, and that is not here.
    case beganInstead(sequence: UInt64)

    // These happen without anybody's ill will.
    /// A crash left these bytes; the process that came after said so.
    case torn(bytes: UInt64)
    /// The last line has no end yet: the process that writes it was killed, or is writing.
    case unfinished
    /// Older files are gone, by rotation if nobody else.
    case beginsLater(sequence: UInt64)
    /// So many events were not written: the disk was full or slow.
    case lost(UInt64)
    /// The process before this line did not say that it ended: it was killed, or lines were cut off.
    case notEnded
    /// The line that was expected is older than all that are here, and another one that was expected is here.
    case expectedOlder(AuditHead)
  }

  public let file: String
  /// From 1; nil where no line is meant.
  public let line: Int?
  public let kind: Kind

  /// Whether somebody, or something, has changed what was written.
  public var isTampering: Bool {
    switch kind {
    case .torn, .unfinished, .beginsLater, .lost, .notEnded, .expectedOlder: false
    default: true
    }
  }
}

extension AuditFinding: CustomStringConvertible {
  public var description: String {
    "\(file)\(line.map { ":\($0)" } ?? ""): \(sentence)"
  }

  private var sentence: String {
    switch kind {
    case .empty: "the file is empty, and each begins with a line of its own"
    case .unreadable(let lines):
      lines == 1 ? "this is no line of an audit log" : "these \(lines) lines are none of an audit log"
    case .missing(let first, let last):
      first == last
        ? "line number \(first) is missing before this one"
        : "the lines number \(first) to \(last) are missing before this one"
    case .outOfOrder(let sequence, let after):
      "line number \(sequence) stands behind number \(after): it was repeated or moved"
    case .unchained(let sequence):
      "line number \(sequence) does not follow the line before it: one of them was altered, or is of another log"
    case .beginsWithin(let sequence):
      "the file begins with line number \(sequence), which begins no file: lines before it were removed"
    case .tornBytesAltered: "what this line says of torn bytes before it is not what stands there"
    case .beganAnew: "a new chain begins here, which does not continue what was before"
    case .notAsExpected(let head):
      "line number \(head.sequence) is not the one with the hash \(Hexadecimal.text(head.hash))"
    case .expectedMissing(let head): "line number \(head.sequence), which is expected, is not there"
    case .torn(let bytes):
      "\(bytes) bytes of a line that was never completed: the process or the machine had stopped (no tampering)"
    case .unfinished:
      "the last line is not complete: the process was ended within it, or is writing it (no tampering)"
    case .beginsLater(let sequence):
      "begins with line number \(sequence); what was before is in files that are not here"
    case .lost(let count): "\(count) events were not written: the disk was full or too slow"
    case .notEnded:
      "a process began here, and the one before did not say that it ended: it was killed, or lines were cut off here"
    case .expectedOlder(let head):
      "line number \(head.sequence), which is expected, is older than what is here"
    case .alteredMeanwhile: "the node found here that somebody else had written to its file, or cut it"
    case .beganInstead(let sequence):
      "the file begins with line number \(sequence): the node found the file before taken away"
    }
  }
}
