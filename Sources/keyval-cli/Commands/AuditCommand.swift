import ArgumentParser
import Audit
import Glibc
import Node

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Look at the record of who did what.",
    discussion: """
      Each node keeps one in its directory, audit.jsonl (the setting audit.path): a JSON object a line, each with the \
      SHA-256 of the one before.
      """,
    subcommands: [Verify.self])

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say whether lines of an audit log were removed, altered or moved.",
      discussion: """
        Names each place. Give all files of one log, in any order, or directories of nodes: each log in them is \
        verified by itself. A line that a crash has torn is told of, and is no tampering.

        A chain alone cannot show that lines were cut off its end, or that all of it was written anew. So keep the last \
        line's SEQUENCE:HASH, which is printed, somewhere else, and say it with --expect the next time; a node writes it \
        into its ordinary log whenever it begins or ends a log or a file, and every ten minutes (“head=”).

        Ends with 0 if everything is as it was written, 65 if not, 66 if there is no log, 64 if the command is wrong.
        """)

    @Argument(help: "The files of one log, or directories.") var paths: [String]
    @Option(
      help: ArgumentHelp(
        "A line that must be there, of one log; may be repeated.", valueName: "sequence:hash"))
    var expect: [String] = []

    func validate() throws {
      guard !paths.isEmpty else { throw ValidationError("name the files of an audit log, or its directory") }
      for text in expect where AuditHead(text) == nil {
        throw ValidationError("‘\(text)’ is no line: SEQUENCE:HASH, such as verify prints behind ‘head’")
      }
    }

    func run() throws {
      let logs = try Self.logs(paths)
      let expected = expect.compactMap(AuditHead.init)
      guard expected.isEmpty || logs.count == 1 else {
        throw Failure(
          status: .usage, sentence: "\(paths[0]) has \(logs.count) logs: --expect is of one; name its files")
      }
      var isUntouched = true
      for log in logs {
        let report = AuditReport(of: logs.count > 1 ? log.min() : nil, isEndKnown: !expected.isEmpty)
        let summary = try AuditFiles.verify(log, expected: expected) { report.add($0) }
        report.end(summary)
        if let problem = report.problem { throw problem }
        isUntouched = isUntouched && summary.isUntouched
      }
      guard isUntouched else { throw ExitCode(CommandStatus.badData.rawValue) }
    }

    private static func logs(_ paths: [String]) throws -> [[String]] {
      let directories = paths.filter { path in
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
      }
      guard let directory = directories.first else { return [paths] }
      guard directories.count == paths.count else {
        throw Failure(
          status: .usage, sentence: "\(directory) is a directory: name directories, or files, not both")
      }
      return try directories.flatMap { directory in
        let logs = try AuditFiles.logs(in: directory)
        guard !logs.isEmpty else {
          throw Failure(
            status: .noInput,
            sentence:
              "\(directory) has no audit log: no file is called ….jsonl. Name the directory of a node's data")
        }
        return logs
      }
    }
  }
}

/// What is printed of one log: each finding as it comes, up to a limit, and the sum.
private final class AuditReport {
  private static let shown = 50
  private var findings = 0
  private let output = StandardOutput()
  /// Which of several logs it is of.
  private let name: String
  private let isEndKnown: Bool
  /// Of standard output, which ends the command.
  private(set) var problem: (any Error)?

  init(of log: String?, isEndKnown: Bool) {
    name = log.map { "\($0): " } ?? ""
    self.isEndKnown = isEndKnown
  }

  func add(_ finding: AuditFinding) {
    findings += 1
    if findings <= Self.shown { write("\(finding)") }
  }

  func end(_ summary: AuditVerifier.Summary) {
    if findings > Self.shown { write("… and \(findings - Self.shown) more") }
    let files = "\(summary.files) file\(summary.files == 1 ? "" : "s")"
    guard let first = summary.first, let head = summary.head else { return write("\(name)\(files), no line") }
    let verdict =
      summary.isUntouched
      ? "unbroken" + (isEndKnown ? "" : "; whether there were more only --expect can tell")
      : "NOT as it was written: \(summary.findings) finding\(summary.findings == 1 ? "" : "s")"
    let lines = "\(summary.lines) line\(summary.lines == 1 ? "" : "s")"
    write("\(name)\(files), \(lines), number \(first) to \(head.sequence): \(verdict)")
    write("head \(head)")
  }

  private func write(_ line: String) {
    do {
      try output.write(result: Array("\(line)\n".utf8))
    } catch {
      problem = error
    }
  }
}
