import Glibc

/// Looks after one process by its number: a child of ours, or one that an earlier process of ours started.
struct DaemonWatch {
  let pid: Int32

  /// Takes the status of a child that has ended, so that its number does not stay behind.
  var isRunning: Bool {
    var status: Int32 = 0
    if waitpid(pid, &status, WNOHANG) == pid { return false }
    return kill(pid, 0) == 0
  }

  /// Asks it to end, and waits.
  func end() {
    kill(pid, SIGTERM)
    awaitEnd(within: 5)
  }

  /// Waits for the end, then insists.
  func awaitEnd(within seconds: Int) {
    for _ in 0..<(seconds * 1_000) {
      guard isRunning else { return }
      usleep(1_000)
    }
    kill(pid, SIGKILL)
    while isRunning { usleep(1_000) }
  }

  /// Whether this very process holds a socket that listens on the TCP port: somebody else might answer there.
  static func listens(_ pid: Int32, port: UInt16) -> Bool {
    guard let table = try? RealmFile.read("/proc/net/tcp") else { return true }
    let wanted = String(port, radix: 16, uppercase: true)
    let suffix = ":" + String(repeating: "0", count: 4 - wanted.count) + wanted
    for line in table.split(separator: "\n").dropFirst() {
      let fields = line.split(separator: " ")
      guard fields.count > 9, fields[1].hasSuffix(suffix), fields[3] == "0A" else { continue }
      if holds(pid, socket: String(fields[9])) { return true }
    }
    return false
  }

  private static func holds(_ pid: Int32, socket inode: String) -> Bool {
    // Another user's descriptors cannot be seen (setpriv clears what would let us); then the answer stands.
    guard let directory = opendir("/proc/\(pid)/fd") else { return true }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      var target = [UInt8](repeating: 0, count: 64)
      let count = target.withUnsafeMutableBytes { bytes in
        readlink("/proc/\(pid)/fd/\(name)", bytes.baseAddress!, bytes.count)
      }
      if count > 0, String(decoding: target[..<count], as: UTF8.self) == "socket:[\(inode)]" { return true }
    }
    return false
  }
}
