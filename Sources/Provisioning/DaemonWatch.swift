import Glibc
import LocalTrust

/// Looks after one process that we started. When it is gone, whoever has its number next is let alone.
struct DaemonWatch {
  let process: ProcessIdentity

  /// Takes the status of a child that has ended, so that its number does not stay behind.
  var isRunning: Bool {
    if process.isRunning { return true }
    process.reap()
    return false
  }

  /// Asks it to end, and waits.
  func end() {
    process.send(signal: SIGTERM)
    awaitEnd(within: 5)
  }

  /// Waits for the end, then insists.
  func awaitEnd(within seconds: Int) {
    for _ in 0..<(seconds * 1_000) {
      guard isRunning else { return }
      usleep(1_000)
    }
    process.send(signal: SIGKILL)
    while isRunning { usleep(1_000) }
  }

  enum Listening { case nobody, thisProcess, another }

  /// Who listens on a TCP port of this machine. MIT's daemons share a port that another process of the same
  /// user listens on already, and the kernel then deals their clients out at random: no error says so.
  static func listener(_ pid: Int32, port: UInt16) throws(ProvisioningError) -> Listening {
    // The calling thread's, which may be in another network namespace than the process's first.
    let table = try RealmFile.read("/proc/thread-self/net/tcp")
    let wanted = String(port, radix: 16, uppercase: true)
    let suffix = ":" + String(repeating: "0", count: 4 - wanted.count) + wanted
    var sockets: [String] = []
    for line in table.split(separator: "\n").dropFirst() {
      let fields = line.split(separator: " ")
      guard fields.count > 9, fields[1].hasSuffix(suffix), fields[3] == "0A" else { continue }
      sockets.append(String(fields[9]))
    }
    if sockets.isEmpty { return .nobody }
    if sockets.count > 1 { return .another }
    return holds(pid, socket: sockets[0]) ? .thisProcess : .another
  }

  private static func holds(_ pid: Int32, socket inode: String) -> Bool {
    // In a container not even root sees another user's descriptors; then the answer stands.
    guard let directory = opendir("/proc/\(pid)/fd") else { return errno == EACCES }
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
