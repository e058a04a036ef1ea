import Audit
import Foundation
import Logging
import Synchronization
import Testing

@testable import Node

/// A directory of its own for an audit log, gone with it.
final class AuditPlace {
  let directory: String
  let lines = LogCatcher()

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "keyval-audit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    directory = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  var path: String { "\(directory)/audit.jsonl" }

  func open(_ settings: AuditSettings = AuditSettings(), others: [String] = []) throws -> AuditLog {
    try AuditLog.open(
      [path] + others, settings, of: "keyval-drone/d1@R", at: "127.0.0.1:1", lines.logger)
  }

  func makeEmptyFile(mode: Int) throws {
    try Data().write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
  }

  func text(_ path: String? = nil) throws -> String {
    try String(contentsOfFile: path ?? self.path, encoding: .utf8)
  }

  func append(_ text: String) throws {
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(text.utf8))
    try handle.close()
  }

  func verify(expecting: [AuditHead] = []) throws -> (
    findings: [AuditFinding.Kind], summary: AuditVerifier.Summary
  ) {
    let found = Mutex<[AuditFinding.Kind]>([])
    let logs = try AuditFiles.logs(in: directory)
    let summary = try AuditFiles.verify(logs[0], expected: expecting) { finding in
      found.withLock { $0.append(finding.kind) }
    }
    return (found.withLock { $0 }, summary)
  }
}
