import Audit
import Foundation
import Testing

@Suite("keyval audit verify")
struct AuditCommandTests {
  private let program: Program

  init() throws { program = try Program() }

  /// Writes a log of two files.
  private func write(_ name: String = "audit.jsonl", altering: Bool = false) throws -> AuditHead {
    var chain = AuditChain()
    for (file, count) in [("\(name).1", 4), (name, 3)] {
      var bytes: [UInt8] = []
      for number in 0..<count {
        let event =
          number == 0
          ? AuditEvent.opened(file: file, insteadOfAnother: false)
          : AuditEvent(.order, "drain", outcome: "accepted", principal: "alice@R", subject: "d\(number)")
        bytes += chain.append(event, at: 0)
      }
      var text = String(decoding: bytes, as: UTF8.self)
      if altering, file == name { text = text.replacingOccurrences(of: "\"d1\"", with: "\"d9\"") }
      try Data(text.utf8).write(to: URL(filePath: "\(program.directory)/\(file)"))
    }
    return chain.head
  }

  @Test("says of a whole log that it is unbroken, and its head, which may be expected the next time")
  func whole() async throws {
    defer { program.remove() }
    let head = try write()
    for arguments in [["."], ["audit.jsonl", "audit.jsonl.1"], ["audit.jsonl.1", "audit.jsonl"]] {
      let outcome = try await program.shell("keyval audit verify \(arguments.joined(separator: " "))")
      #expect(outcome.status == 0 && outcome.remarks.isEmpty)
      #expect(
        outcome.text
          == "2 files, 7 lines, number 1 to 7: unbroken; whether there were more only --expect can tell\n"
          + "head \(head)\n")
    }
    let expected = try await program.run("audit", "verify", ".", "--expect", "\(head)")
    #expect(expected.status == 0 && expected.text.hasPrefix("2 files, 7 lines, number 1 to 7: unbroken\n"))
  }

  @Test("names the line that was altered, or is not there, and ends with 65")
  func broken() async throws {
    defer { program.remove() }
    let head = try write(altering: true)
    let altered = try await program.run("audit", "verify", ".")
    #expect(altered.status == 65)
    #expect(altered.text.contains("./audit.jsonl:3: line number 7 does not follow the line before it"))
    #expect(altered.text.contains("NOT as it was written: 1 finding\n"))
    let older = try await program.run("audit", "verify", "audit.jsonl.1", "--expect", "\(head)")
    #expect(older.status == 65 && older.text.contains("line number 7, which is expected, is not there"))
  }

  @Test("several directories are verified each by itself, and named")
  func directories() async throws {
    defer { program.remove() }
    for name in ["d1", "d2"] {
      try FileManager.default.createDirectory(
        atPath: "\(program.directory)/\(name)", withIntermediateDirectories: true)
      _ = try write("\(name)/audit.jsonl", altering: name == "d2")
    }
    let outcome = try await program.run("audit", "verify", "d1", "d2")
    #expect(outcome.status == 65)
    #expect(outcome.text.contains("d1/audit.jsonl: 2 files, 7 lines, number 1 to 7: unbroken"))
    #expect(outcome.text.contains("d2/audit.jsonl: 2 files, 7 lines, number 1 to 7: NOT as it was written"))
  }

  @Test("a stranger's mistakes are told apart from a broken log")
  func mistakes() async throws {
    defer { program.remove() }
    let head = try write()
    _ = try write("audit-2.jsonl")
    #expect(try await program.run("audit", "verify").status == 64)
    #expect(try await program.run("audit", "verify", ".", "--expect", "7").status == 64)
    let two = try await program.run("audit", "verify", ".", "--expect", "\(head)")
    #expect(two.status == 64 && two.remarks.contains("has 2 logs"))
    #expect(try await program.run("audit", "verify", ".", "audit.jsonl").status == 64)
    let missing = try await program.run("audit", "verify", "none.jsonl")
    #expect(missing.status == 66 && missing.remarks.contains("none.jsonl"))
    let empty = try await program.run("audit", "verify", "/proc/self/fdinfo")
    #expect(empty.status == 66 && empty.remarks.contains("has no audit log"))
  }
}
