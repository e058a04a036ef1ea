import Audit
import Testing

/// A log of several files, as a node writes it, to be tampered with.
struct TestLog {
  typealias File = [[UInt8]]

  /// Lines without their newlines.
  var files: [File] = []
  private(set) var chain: AuditChain

  /// - Parameters:
  ///   - principal: whose log it is.
  ///   - lines: of each file, its opening included.
  init(
    of principal: String = "keyval-drone/d1@R", files counts: [Int] = [5, 4, 4], after head: AuditHead = .none
  ) {
    chain = AuditChain(after: head)
    for count in counts {
      files.append([])
      add(AuditEvent(.log, "opened", outcome: files.count == 1 ? "started" : "rotated", principal: principal))
      for number in 1..<count {
        add(AuditEvent(.order, "drain", outcome: "accepted", principal: principal, subject: "d\(number)"))
      }
    }
  }

  mutating func add(_ event: AuditEvent) {
    files[files.count - 1].append(Array(chain.append(event, at: 1_700_000_000_000).dropLast()))
  }

  /// Ends the last file within a line, and goes on as the next process does.
  mutating func tear(_ bytes: [UInt8]) throws {
    let torn = try #require(TornBytes(bytes))
    var line = chain.appendTorn(torn, at: 1_700_000_000_000)
    line.removeLast()
    let pieces = (bytes + line).split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
    files[files.count - 1] += pieces
  }

  /// The bytes of the files, a newline behind each line.
  var bytes: [[UInt8]] { files.map { $0.flatMap { $0 + [10] } } }

  struct Verdict {
    let findings: [AuditFinding]
    let summary: AuditVerifier.Summary
    var kinds: [AuditFinding.Kind] { findings.map(\.kind) }
    var places: [String] { findings.map { "\($0.file):\($0.line ?? 0)" } }
  }

  func verdict(expecting expected: [AuditHead] = [], pieces: Int = 1_000_000) -> Verdict {
    Self.verdict(bytes, expecting: expected, pieces: pieces)
  }

  static func verdict(_ files: [[UInt8]], expecting expected: [AuditHead] = [], pieces: Int = 1_000_000)
    -> Verdict
  {
    let box = Box()
    var verifier = AuditVerifier(expected: expected) { box.findings.append($0) }
    for (index, file) in files.enumerated() {
      verifier.begin(file: "f\(index)")
      for start in stride(from: 0, to: file.count, by: pieces) {
        verifier.read(file[start..<min(file.count, start + pieces)])
      }
    }
    let summary = verifier.finish()
    return Verdict(findings: box.findings, summary: summary)
  }

  private final class Box { var findings: [AuditFinding] = [] }
}
