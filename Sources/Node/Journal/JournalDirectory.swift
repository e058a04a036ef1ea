import Cluster
import FoundationEssentials
import Glibc
import Journal
import LocalTrust
import Logging

/// The journals of a drone's directory: those that earlier lives have left, and those of this one, `journal-0` and so on,
/// one for each data loop.
struct JournalDirectory {
  let directory: String
  let owner: JournalOwner
  let bounds: Journal.Bounds
  let logger: Logger

  /// More than any journal has, whatever its bounds were.
  private static let longestFile = 4 << 30
  private static let need = "this drone cannot say what it acknowledged, should it die"

  init(directory: String, principal: Principal, life: Incarnation, bounds: Journal.Bounds, logger: Logger) {
    self.directory = directory
    self.bounds = bounds
    self.logger = logger
    owner = JournalOwner(principal: principal, life: life, boot: Self.boot)
  }

  // MARK: What earlier lives have left

  /// What they have left, in order of partition. What is not complete is told, and not believed.
  /// - Parameter lost: called with what is known of each that is not.
  /// - Throws: `NodeError` for journals that are somebody else's, or a later version's: to overwrite them would be to lose
  ///   what they have.
  func stands(lost: (JournalLoss) -> Void = { _ in }) throws(NodeError) -> [JournalStand] {
    var stands: [Partition: JournalStand] = [:]
    for name in names() {
      for stand in try read(name, lost) {
        // A process that died while it began may have left it in two files, twice the same.
        if let other = stands[stand.partition], other.end >= stand.end { continue }
        stands[stand.partition] = stand
      }
    }
    let records = stands.values.reduce(0) { $0 + $1.records.count }
    if !stands.isEmpty {
      logger.info(
        "has the journal of an earlier life",
        metadata: ["partitions": "\(stands.count)", "records": "\(records)"])
    }
    return stands.keys.sorted().compactMap { stands[$0] }
  }

  private func read(_ name: String, _ lost: (JournalLoss) -> Void) throws(NodeError) -> [JournalStand] {
    let path = directory + "/" + name
    let bytes: [UInt8]
    do throws(TrustError) {
      bytes = try TrustedPath.open(path, .secret).read(maximum: Self.longestFile)
    } catch {
      throw NodeError(error, key: nil)
    }
    do throws(JournalError) {
      return try JournalReader.read(bytes, principal: owner.principal, boot: owner.boot).stands
    } catch {
      switch error {
      case .otherDrone, .newer, .foreign:
        throw .unusableFile(
          path: path, key: nil, problem: "\(error)",
          remedy:
            "Name this drone's own directory, or take the file away: what it has is lost to the cluster then."
        )
      case .truncated, .damaged, .incomplete:
        let loss = loss(in: bytes)
        logger.error(
          "a journal is not complete: what only it had of acknowledged writes may be lost",
          metadata: [
            NodeLogging.Key.reason: "\(error)", "path": "\(path)",
            "after": "\(loss.map { Self.moment($0.after) } ?? Self.moment(0))",
            "before": "\(loss.map { Self.moment($0.before) } ?? Self.moment(0))",
          ])
        if let loss { lost(loss) }
        return []
      }
    }
  }

  /// Between which moments writes may lack that only a journal had which is not complete; nil where its head is no more
  /// than the rest.
  private func loss(in bytes: [UInt8]) -> JournalLoss? {
    guard let leftover = JournalReader.leftover(bytes, principal: owner.principal) else { return nil }
    let now = NodeClock.wallSeconds()
    // What ran under another system had ended when this one began.
    let began = now - NodeClock.now().milliseconds / 1_000
    return JournalLoss(
      life: leftover.owner.life, after: UInt64(leftover.storedAt ?? 0),
      before: UInt64(clamping: leftover.owner.boot == owner.boot ? now : began))
  }

  private static func moment(_ seconds: UInt64) -> String {
    guard seconds > 0 else { return "unknown" }
    return Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
  }

  /// In order of their numbers.
  private func names() -> [String] {
    guard let folder = opendir(directory) else { return [] }
    defer { closedir(folder) }
    var numbers: Set<Int> = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let number = Self.number(of: name) { numbers.insert(number) }
    }
    return numbers.sorted().map(Self.name)
  }

  private static func name(_ number: Int) -> String { "journal-\(number)" }

  private static func number(of name: String) -> Int? {
    guard name.hasPrefix("journal-"), let number = Int(name.dropFirst(8)), name == Self.name(number) else {
      return nil
    }
    return number
  }

  // MARK: This life

  /// Begins the journal of a loop, with what earlier lives have left of its partitions.
  func begin(_ loop: Int, _ stands: [JournalStand]) throws(NodeError) -> (Journal, JournalFile) {
    let file = JournalFile(directory: directory, name: Self.name(loop))
    guard let journal = Journal(in: file, owner: owner, bounds: bounds, stands: stands) else {
      throw .unusableFile(
        path: file.path, key: "directory", problem: "cannot be made: \(NodeFiles.reason(file.failure))",
        remedy: "Make room, or see to its permissions: without it \(Self.need).")
    }
    return (journal, file)
  }

  /// Once all journals of this life have been begun: those that had more loops are of no use any more.
  func removeOthers(than loops: Int) throws(NodeError) {
    for name in names() {
      guard let number = Self.number(of: name), number >= loops else { continue }
      let path = directory + "/" + name
      guard unlink(path) == 0 || errno == ENOENT else {
        throw .unusableFile(
          path: path, key: "directory", problem: "cannot be removed: \(NodeFiles.reason(errno))",
          remedy: "See to the directory's permissions.")
      }
    }
  }

  /// The system that runs: each start of the machine has another.
  private static var boot: JournalOwner.Boot {
    let path = "/proc/sys/kernel/random/boot_id"
    let bytes = (try? NodeFiles.unexaminedContents(of: path, maximum: 128)) ?? []
    let digits = String(decoding: bytes, as: UTF8.self).filter(\.isHexDigit)
    guard digits.count == 32, let high = UInt64(digits.prefix(16), radix: 16),
      let low = UInt64(digits.suffix(16), radix: 16)
    else {
      // Nobody can tell later that it is still the same.
      return JournalOwner.Boot(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }
    return JournalOwner.Boot(high: high, low: low)
  }
}

/// Held by the process that uses a directory's journals: a second one would take what the first is still writing for what
/// it has left.
final class JournalLock {
  private let descriptor: Int32

  /// - Parameter principal: who says of himself that the directory is his: whoever comes second is told.
  /// - Throws: `NodeError` where another process has it, or it cannot be made.
  init(directory: String, principal: Principal) throws(NodeError) {
    let path = directory + "/journal.lock"
    descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw .unusableFile(
        path: path, key: "directory", problem: "cannot be opened: \(NodeFiles.reason(errno))",
        remedy: "See to the directory's permissions.")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let holder = Self.holder(descriptor)
      close(descriptor)
      throw .unavailable(
        subject: directory, problem: "\(holder ?? "another process") uses this directory",
        remedy: "Wait until it has ended, or end it. (Two drones need a directory each.)")
    }
    // Whom it names is for people only: what excludes others is the lock.
    let line = Array("\(principal) \(getpid())\n".utf8)
    if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, line, line.count, 0) }
  }

  /// "keyval-drone/d1, process 4711,"; nil where the file does not say.
  private static func holder(_ descriptor: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0, bytes[..<count].allSatisfy({ $0 == 10 || (32..<127).contains($0) }) else { return nil }
    let words = String(decoding: bytes[..<count], as: UTF8.self).split(whereSeparator: {
      $0 == " " || $0 == "\n"
    })
    guard words.count == 2, let pid = Int32(words[1]) else { return nil }
    return "\(words[0]), process \(pid),"
  }

  deinit { close(descriptor) }
}
