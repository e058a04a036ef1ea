import Audit
import Glibc

/// The files of an audit log, written by one thread of one process: lines are appended, and nothing that was written
/// is ever changed. `audit.jsonl` is written to; `audit.jsonl.1` is the one before it, and so on.
struct AuditFile: Sendable {
  let path: String
  private let bytes: Int
  private let files: Int
  /// Who else may write: nobody, as long as this is held.
  private let lock: Int32
  private var descriptor: Int32 = -1
  private var length = 0
  private(set) var chain = AuditChain()
  /// What stands behind the last whole line.
  private var torn: TornBytes?
  /// Whether this file has not got the line that each begins with.
  private var owesOpening = false
  /// Whether this file was begun because the one before was not there any more.
  private var isInsteadOfAnother = false
  /// What another hand did to this file, until a line tells of it.
  private var alteration: Alteration?
  /// How long the file may become.
  private var fullLength: Int
  private(set) var rotations = 0
  private var remarks: [String] = []

  /// What went wrong at a write. The events that it names are not in the file.
  struct Failure: Error {
    let reason: String
    let lost: Int
  }

  private struct Alteration {
    let expected: Int
    let found: Int
    /// Whether the line that tells of it has to end another first.
    let isWithinLine: Bool
  }

  /// `write(2)`; a disk can be full.
  typealias Put = @Sendable (Int32, UnsafeRawBufferPointer) -> Int

  private let put: Put

  /// - Returns: nil when another process writes this log.
  /// - Throws: `NodeError.unusableFile`.
  init?(
    path: String, settings: AuditSettings, put: @escaping Put = { Glibc.write($0, $1.baseAddress, $1.count) }
  ) throws(NodeError) {
    self.path = path
    self.put = put
    bytes = settings.bytes
    files = settings.files
    fullLength = settings.bytes
    let locked = open("\(path).lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard locked >= 0 else { throw Self.unusable("\(path).lock", NodeFiles.reason(errno)) }
    guard flock(locked, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      Glibc.close(locked)
      guard code == EWOULDBLOCK else { throw Self.unusable("\(path).lock", NodeFiles.reason(code)) }
      return nil
    }
    lock = locked
    guard let problem = openFile() ?? resume() else { return }
    close()
    throw Self.unusable(path, problem)
  }

  /// Lets others write it. Nothing may be asked of it any more.
  func close() {
    Glibc.close(descriptor)
    Glibc.close(lock)
  }

  private static func unusable(_ path: String, _ problem: String) -> NodeError {
    .unusableFile(
      path: path, key: "audit.path", problem: "cannot be the audit log: \(problem)",
      remedy: "See to its directory and permissions: a node that keeps no record does not start.")
  }

  // MARK: Opening

  /// A sentence where it fails.
  private mutating func openFile() -> String? {
    let opened = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard opened >= 0 else { return NodeFiles.reason(errno) }
    var status = stat()
    guard fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      Glibc.close(opened)
      return "it is no plain file"
    }
    guard status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
      Glibc.close(opened)
      return "others may read or write it (type: chmod 600 \(path)), or it is another user's"
    }
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = opened
    length = Int(status.st_size)
    return nil
  }

  /// Goes on behind the last whole line, of this file or the one before.
  private mutating func resume() -> String? {
    guard let tail = Self.tail(of: descriptor) else { return "its end cannot be read" }
    if let head = tail.head, tail.isUsable {
      chain = AuditChain(after: head)
    } else if tail.isUsable || length == 0 {
      // A crash right after the rotation, or within the first line.
      if let head = Self.lastHead(of: "\(path).1") { chain = AuditChain(after: head) }
    } else {
      remarks.append("the audit log's end is damaged beyond what a crash leaves: a new chain begins")
      if let problem = rotate() { return problem }
      return nil
    }
    torn = tail.torn
    if let torn {
      remarks.append(
        "the audit log's last line is torn: the process before stopped within it (\(torn.count) bytes)")
    }
    return nil
  }

  private static func lastHead(of path: String) -> AuditHead? {
    let older = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard older >= 0 else { return nil }
    defer { Glibc.close(older) }
    return tail(of: older)?.head
  }

  private static func tail(of descriptor: Int32) -> AuditTail? {
    let end = lseek(descriptor, 0, SEEK_END)
    guard end >= 0 else { return nil }
    let start = max(0, end - off_t(AuditChain.tailLength))
    var bytes = [UInt8](repeating: 0, count: Int(end - start))
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        pread(
          descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled, start + off_t(filled))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return nil }
      filled += count
    }
    return AuditTail(bytes, isWholeFile: start == 0)
  }

  // MARK: Writing

  /// Lines that are to be written, and the chain at the end of each.
  private struct Batch {
    var bytes: [UInt8] = []
    var ends: [(length: Int, chain: AuditChain)] = []
    /// Lines at its beginning that are no events'.
    var own = 0

    mutating func add(_ line: [UInt8], _ chain: AuditChain) {
      bytes += line
      ends.append((bytes.count, chain))
    }
  }

  /// Appends a line for each event, in order.
  /// - Parameters:
  ///   - events: with the time of each in milliseconds since 1970, and how many like it were left out.
  ///   - now: of lines that are no events', where there is no event.
  mutating func append(
    _ events: [(event: AuditEvent, time: Int64, leftOut: UInt64)], at now: Int64
  ) throws(Failure) {
    inspect()
    var (batch, next) = begin(at: events.first?.time ?? now)
    for (index, entry) in events.enumerated() {
      batch.add(next.append(entry.event, at: entry.time, leftOut: entry.leftOut), next)
      guard length + batch.bytes.count >= fullLength else { continue }
      try write(batch, later: events.count - index - 1)
      rotate(at: entry.time)
      (batch, next) = begin(at: entry.time)
    }
    if !batch.bytes.isEmpty { try write(batch, later: 0) }
  }

  /// What has to be said before the next event.
  private func begin(at time: Int64) -> (Batch, AuditChain) {
    var (batch, next) = (Batch(), chain)
    if let torn { batch.add(next.appendTorn(torn, at: time), next) }
    if let alteration {
      let line = next.append(.altered(expected: alteration.expected, found: alteration.found), at: time)
      batch.add((alteration.isWithinLine ? [UInt8(ascii: "\n")] : []) + line, next)
    }
    if owesOpening {
      let event = AuditEvent.opened(file: path, insteadOfAnother: isInsteadOfAnother)
      batch.add(next.append(event, at: time), next)
    }
    batch.own = batch.ends.count
    return (batch, next)
  }

  /// - Parameter later: events that are not in the batch, and are lost with it.
  private mutating func write(_ batch: Batch, later: Int) throws(Failure) {
    var written = 0
    while written < batch.bytes.count {
      let count = batch.bytes.withUnsafeBytes { buffer in
        put(descriptor, UnsafeRawBufferPointer(rebasing: buffer[written...]))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw cutShort(batch, written, later, NodeFiles.reason(errno)) }
      written += count
    }
    length += written
    (torn, alteration, owesOpening) = (nil, nil, false)
    chain = batch.ends.last?.chain ?? chain
  }

  /// What is incomplete stays where it is, and the next line says so.
  private mutating func cutShort(
    _ batch: Batch, _ written: Int, _ later: Int, _ reason: String
  ) -> Failure {
    let whole = batch.ends.filter { $0.length <= written }
    let rest = batch.bytes[(whole.last?.length ?? 0)..<written]
    torn = whole.isEmpty ? torn?.followed(by: rest) ?? TornBytes(rest) : TornBytes(rest)
    chain = whole.last?.chain ?? chain
    length += written
    if whole.count >= batch.own { (alteration, owesOpening) = (nil, false) }
    return Failure(reason: reason, lost: batch.ends.count - max(whole.count, batch.own) + later)
  }

  /// Makes what was written survive a loss of power. A sentence where it fails.
  func sync() -> String? { fdatasync(descriptor) == 0 ? nil : NodeFiles.reason(errno) }

  // MARK: Other hands

  /// Looks whether the file is still there, and as long as it was left. The chain goes on from what was written, so lines
  /// that were cut off are missed in it.
  private mutating func inspect() {
    var (own, named) = (stat(), stat())
    guard fstat(descriptor, &own) == 0 else { return }
    if lstat(path, &named) != 0 || named.st_ino != own.st_ino || named.st_dev != own.st_dev {
      // As long as no other can be begun the old one is written, wherever it is now.
      if let problem = openFile() {
        return remark("the audit log's file was taken away, and no other can be begun: \(problem)")
      }
      remark("the audit log's file was taken away: another is begun")
      (torn, owesOpening, isInsteadOfAnother) = (nil, true, true)
      alteration = length > 0 ? alteration(expected: 0, found: length) : nil
    } else if Int(own.st_size) != length {
      let found = Int(own.st_size)
      remark(
        "somebody else wrote to the audit log, or cut it: it has \(found) bytes, and \(length) were written")
      (torn, alteration) = (nil, alteration(expected: alteration?.expected ?? length, found: found))
      length = found
    }
  }

  private func alteration(expected: Int, found: Int) -> Alteration {
    var last: UInt8 = 0
    let isWhole =
      found == 0 || pread(descriptor, &last, 1, off_t(found - 1)) == 1 && last == UInt8(ascii: "\n")
    return Alteration(expected: expected, found: found, isWithinLine: !isWhole)
  }

  private mutating func remark(_ sentence: String) {
    if remarks.last != sentence { remarks.append(sentence) }
  }

  // MARK: Rotation

  /// The file becomes `.1`, that `.2`, and so on; the oldest goes. A sentence where it fails.
  private mutating func rotate() -> String? {
    if let problem = sync() { return problem }
    for number in stride(from: files - 2, through: 0, by: -1) {
      let from = number == 0 ? path : "\(path).\(number)"
      guard access(from, F_OK) == 0 else { continue }
      guard rename(from, "\(path).\(number + 1)") == 0 else { return NodeFiles.reason(errno) }
    }
    return openFile()
  }

  /// Where that fails, the file grows for a while before it is tried again.
  private mutating func rotate(at time: Int64) {
    if let problem = rotate() {
      fullLength = length + bytes / 8
      return remarks.append("the audit log cannot be rotated: \(problem)")
    }
    fullLength = bytes
    syncDirectory()
    (owesOpening, isInsteadOfAnother) = (true, false)
    rotations += 1
    do throws(Failure) {
      try write(begin(at: time).0, later: 0)
    } catch {
      remarks.append("the audit log's new file cannot be written: \(error.reason)")
    }
  }

  /// A loss of power may undo a rename that was not synced; the files would be there under their old names.
  private func syncDirectory() {
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let folder = open(directory.isEmpty ? "/" : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    Glibc.close(folder)
  }

  /// What an operator should be told, once.
  mutating func takeRemarks() -> [String] {
    defer { remarks = [] }
    return remarks
  }
}
