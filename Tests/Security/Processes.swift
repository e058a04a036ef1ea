import ClusterFixture
import Foundation
import Glibc
import Provisioning

/// What the system says of a process to everybody.
enum Processes {
  static func lines(of pid: Int32, _ file: String) throws -> [Substring] {
    String(decoding: try Files.bytes("/proc/\(pid)/\(file)"), as: UTF8.self).split(separator: "\n")
  }

  /// As whom it runs. (Of a process that hides its memory the files in /proc are root's.)
  static func user(of pid: Int32) throws -> UInt32 {
    let fields = try lines(of: pid, "status").first { $0.hasPrefix("Uid:") }?.split(separator: "\t")
    guard let fields, fields.count > 2, let user = UInt32(fields[2]) else {
      throw ClusterFixtureError("process \(pid) is gone")
    }
    return user
  }

  /// Whether a process of that user and nothing else can open a file of another process in /proc.
  static func canOpen(_ file: String, of pid: Int32, as user: UInt32) throws -> Bool {
    try ProgramRun.run(
      ["/usr/bin/dd", "if=/proc/\(pid)/\(file)", "of=/dev/null", "count=0"], environment: [:],
      user: UnixUser(uid: user, gid: user)
    ).status == 0
  }
}
