import Glibc

/// What a process runs.
public struct RunningProgram: Hashable, Sendable, Codable {
  /// The file, by its place in the file system; nil where the kernel does not show it to us.
  public let device: UInt64?
  public let inode: UInt64?
  /// At most 15 bytes; a process may change it.
  public let name: String

  public init(device: UInt64? = nil, inode: UInt64? = nil, name: String) {
    self.device = device
    self.inode = inode
    self.name = name
  }

  init(of pid: Int32, name: String) {
    var status = stat()
    // Through the link: also of a file that has been replaced since, as by an update.
    let isShown = stat("/proc/\(pid)/exe", &status) == 0
    self.init(
      device: isShown ? UInt64(status.st_dev) : nil, inode: isShown ? UInt64(status.st_ino) : nil, name: name)
  }

  func isSame(as other: RunningProgram) -> Bool {
    guard let device, let inode, let otherDevice = other.device, let otherInode = other.inode else {
      return name == other.name
    }
    return device == otherDevice && inode == otherInode
  }
}
