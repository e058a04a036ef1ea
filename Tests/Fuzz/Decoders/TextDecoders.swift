import Audit
import Cluster
import FuzzHarness

/// What people write, and what a node writes for them: names, the access list, the audit log.
enum TextDecoders {
  static let all: [Decoder] = [
    Decoder(
      name: "name", about: "principals and addresses", maximumLength: 300,
      seeds: {
        ["alice@R", "keyval-drone/d1@KEYVAL.TEST", "[::1]:6234", "h.example:1"].map { Array($0.utf8) }
      },
      read: { name($0) }),
    Decoder(
      name: "access-list", about: "the access list",
      seeds: {
        [
          "alice@R *\n*@R r public/ requests=5\n", "b@R rw * keys=7 bytes=99\n",
          "# nobody\n\n*/*@* -\nbatch/*@R rwd a\\x00\\s\\#\n", "*@R rs *\r\n",
        ].map { Array($0.utf8) }
      }, read: { try accessList($0) }),
    Decoder(
      name: "audit", about: "an audit log, to be verified", maximumLength: 8_192,
      allowance: .init(base: 256 << 10, perByte: 256), seeds: { auditLogs() }, read: { audit($0) }),
  ]

  private static func name(_ input: Input) -> Bool {
    let text = String(decoding: input.bytes, as: UTF8.self)
    if let principal = try? input.decode({ try Principal(text) }) {
      require(
        principal.text == text && principal.text.utf8.count == input.bytes.count,
        "a principal with another name")
      for derived in [principal.commandService, principal.node].compactMap({ $0 }) {
        require((try? Principal(derived.text)) == derived, "a principal that is none comes of one")
      }
      require(principal.officeTerm.map { $0 > .none } ?? true, "the office of no term")
      return true
    }
    guard let endpoint = input.decode({ Endpoint(text) }) else { return false }
    require(Endpoint(endpoint.description) == endpoint, "another address when it is read again")
    return true
  }

  private static func accessList(_ input: Input) throws -> Bool {
    let text = input.array
    let list: AccessList
    do {
      list = try input.decode { try AccessList(parsing: text) }
    } catch {
      // A person reads it, in a terminal.
      let sentence = "\(error)"
      require(
        sentence.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f },
        "a complaint with controls")
      return false
    }
    let again = try AccessList(
      parsing: list.lines.flatMap { Array($0.description.utf8) + [UInt8(ascii: "\n")] })
    require(again.lines.count == list.lines.count, "a list with other lines when it is read again")
    for (line, other) in zip(list.lines, again.lines) {
      require(
        line.pattern == other.pattern && line.operations == other.operations && line.prefix == other.prefix
          && line.limits == other.limits,
        "‘\(line)’ is another line when it is read again")
    }
    let rights = list.rights(of: Fixture.d1)
    for key in list.lines.map(\.prefix) {
      for operation in AccessOperations.named.map(\.operation) {
        let isAllowed =
          list.deciding(operation, on: key, for: Fixture.d1)?.operations.contains(operation) ?? false
        let isPermitted =
          AccessOperations.onCluster.contains(operation)
          ? rights.permits(operation) : key.withUnsafeBytes { rights.permits(operation, on: $0) }
        require(isPermitted == isAllowed, "two answers to one question")
      }
    }
    return true
  }

  private static func auditLogs() -> [[UInt8]] {
    var chain = AuditChain(after: .none)
    var log: [UInt8] = []
    let events = [
      AuditEvent(.log, "opened", outcome: "started", principal: Fixture.d1.text),
      AuditEvent(.order, "drain", outcome: "accepted", principal: "alice@R", subject: "d1"),
      AuditEvent(.order, "drain", outcome: "denied", principal: "a\u{1b}\"\\@R", subject: "d2"),
    ]
    for event in events { log += chain.append(event, at: 1_700_000_000_000) }
    let whole = log
    let torn = Array("{\"sequence\":4,\"ti".utf8)
    guard let told = TornBytes(torn) else { return [whole] }
    let line = chain.appendTorn(told, at: 1_700_000_000_001)
    return [whole, log + torn + line]
  }

  /// The same findings, however the log comes in pieces; none has a line that is not there.
  private static func audit(_ input: Input) -> Bool {
    let whole = input.decode { verdict(input.bytes, pieces: .max) }
    let pieces = verdict(input.bytes, pieces: 7)
    require(
      whole.summary == pieces.summary && whole.findings == pieces.findings, "a log in pieces is another log")
    let tail = AuditTail(input.array, isWholeFile: true)
    require(tail.head == nil || whole.summary.lines > 0, "a last line of a log without lines")
    _ = AuditVerifier.firstSequence(in: input.array)
    return whole.summary.lines > 0
  }

  private static func verdict(
    _ bytes: UnsafeRawBufferPointer, pieces: Int
  ) -> (summary: AuditVerifier.Summary, findings: [String]) {
    var findings: [String] = []
    let box = Box()
    var verifier = AuditVerifier { box.findings.append("\($0)") }
    verifier.begin(file: "log")
    var rest = bytes[...]
    while !rest.isEmpty {
      verifier.read(rest.prefix(pieces))
      rest = rest.dropFirst(pieces)
    }
    let summary = verifier.finish()
    findings = box.findings
    return (summary, findings)
  }

  private final class Box { var findings: [String] = [] }
}
