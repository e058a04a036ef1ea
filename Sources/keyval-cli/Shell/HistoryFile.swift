import Glibc

/// The shell's history on disk: one line a command, without values.
///
/// The file is `keyval/history` in the user's state directory (`XDG_STATE_HOME`, else `~/.local/state`), mode
/// 0600 in directories of mode 0700. What `kept(_:)` leaves out is never written. History is a convenience: a
/// file that cannot be read or written is told once and otherwise ignored.
struct HistoryFile {
  let path: String
  static let maximumLines = 1_000
  private static let maximumBytes = 1 << 20

  init(path: String) { self.path = path }

  /// Nil without a home. A relative `XDG_STATE_HOME` counts for nothing, as its specification says.
  init?(environment: [String: String]) {
    if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
      path = "\(state)/keyval/history"
    } else if let home = environment["HOME"], home.hasPrefix("/") {
      path = "\(home)/.local/state/keyval/history"
    } else {
      return nil
    }
  }

  /// What of a line is kept: nothing of one that begins with a blank or cannot be parsed, and of a `put`
  /// everything but its value, which may be a secret.
  static func kept(_ line: [UInt8]) -> [UInt8]? {
    guard let first = line.first, first != 0x20, first != 0x09, !line.contains(0x0A),
      let command = try? CommandParser.parse(line)
    else { return nil }
    guard case .put(let key, _) = command else { return line }
    guard key.allSatisfy(isPlain) else { return nil }
    return Array("put ".utf8) + key
  }

  /// The latest lines, oldest first. Empty if there is no file.
  func load() throws(HistoryError) -> [[UInt8]] {
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      if errno == ENOENT { return [] }
      throw error()
    }
    defer { close(descriptor) }
    try requireOwn(descriptor)
    let size = lseek(descriptor, 0, SEEK_END)
    guard size >= 0, lseek(descriptor, max(0, size - Self.maximumBytes), SEEK_SET) >= 0 else { throw error() }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count <= Self.maximumBytes {
      let count = read(descriptor, &chunk, chunk.count)
      guard count >= 0 else { throw error() }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    var lines = bytes.split(separator: 0x0A).map(Array.init)
    if size > Self.maximumBytes, !lines.isEmpty { lines.removeFirst() }
    return lines.suffix(Self.maximumLines)
  }

  /// Appends what is kept of the line. Several shells may append at once: each write is one whole line.
  func append(_ line: [UInt8]) throws(HistoryError) {
    guard let kept = Self.kept(line) else { return }
    try makeDirectories()
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw error() }
    defer { close(descriptor) }
    try requireOwn(descriptor)
    // An older file may have come with the umask of some other program.
    guard fchmod(descriptor, 0o600) == 0 else { throw error() }
    let bytes = kept + [0x0A]
    guard write(descriptor, bytes, bytes.count) == bytes.count else { throw error() }
  }

  /// What somebody else put there would read what is typed here.
  private func requireOwn(_ descriptor: Int32) throws(HistoryError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw error() }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(), status.st_nlink == 1 else {
      throw HistoryError(path: path, reason: "it is no plain file of user \(geteuid()) alone; remove it")
    }
  }

  private func makeDirectories() throws(HistoryError) {
    var prefix = ""
    for component in path.split(separator: "/").dropLast() {
      prefix += "/\(component)"
      guard mkdir(prefix, 0o700) == 0 || errno == EEXIST || errno == EROFS || errno == EACCES else {
        throw error()
      }
    }
  }

  private func error() -> HistoryError {
    HistoryError(path: path, reason: String(cString: strerror(errno)))
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: ":._-/{}@+=,%".utf8.contains(byte) || byte >= 0x80
    }
  }
}

struct HistoryError: Error, CustomStringConvertible {
  let path: String
  let reason: String
  var description: String { "the history \(path) cannot be used: \(reason)" }
}
