import Cluster
import Drone
import Glibc
import Logging
import NIOCore

/// The end of a drone: waits as long as `HandoverCore` decides, and says what for.
struct Handover {
  let loops: [DataLoopReference]
  let directory: String
  let logger: Logger
  /// Of how many partitions there is something in memory here that nobody serves; nil while that is not known.
  let orphans: @Sendable () async -> Int?
  private var core = HandoverCore()

  init(
    loops: [DataLoopReference], directory: String, logger: Logger,
    orphans: @escaping @Sendable () async -> Int?
  ) {
    self.loops = loops
    self.directory = directory
    self.logger = logger
    self.orphans = orphans
  }

  /// Milliseconds between two times that the file is written, and between two lines in the log.
  private static let refresh: Int64 = 1_000
  private static let pause: Int64 = 5_000

  /// - Returns: what the database does not have, where somebody would not wait for it, or the commander has not had it
  ///   promoted in time.
  mutating func store(_ hurry: Hurry) async -> HandoverReport? {
    let file = EndingFile(directory: directory)
    defer { file.remove() }
    var (nextRefresh, nextLine) = (NodeClock.now(), NodeClock.now())
    var hasSpoken = false
    while true {
      let isStored = await retire()
      let now = NodeClock.now()
      let orphans = await orphans()
      let step = core.looked(
        isStored: isStored, orphans: orphans, isHurried: hurry.isAsked || Task.isCancelled, now: now)
      if step == .retire { return nil }
      let isOver = step == .cutShort
      if isOver || now >= nextRefresh {
        nextRefresh = now + Self.refresh
        let report = await report(now, orphans: orphans ?? 0)
        if isOver { return report.isEmpty ? nil : report }
        file.write(report.sentence)
        if now >= nextLine {
          nextLine = now + Self.pause
          let reason: Logger.MetadataValue = "\(report.sentence); \(HandoverReport.advice)"
          logger.log(
            level: hasSpoken ? .warning : .notice, "hands over before it ends",
            metadata: [NodeLogging.Key.reason: reason])
          hasSpoken = true
        }
      }
      try? await Task.sleep(for: .milliseconds(HandoverCore.look))
    }
  }

  /// Waits until others have what this drone served.
  mutating func give(_ hurry: Hurry, _ hasGivenAll: () async -> Bool) async {
    while true {
      let isGiven = await hasGivenAll()
      switch core.looked(
        hasGivenAll: isGiven, isHurried: hurry.isAsked || Task.isCancelled, now: NodeClock.now())
      {
      case .end, .retire: return
      case .cutShort: return logger.info("stopping before others have what this drone served")
      case .lookAgain: try? await Task.sleep(for: .milliseconds(HandoverCore.look))
      }
    }
  }

  /// Whether the database has everything.
  private func retire() async -> Bool {
    var isDone = true
    for loop in loops where (try? await loop.eventLoop.submit { loop.here.retire() }.get()) != true {
      isDone = false
    }
    return isDone
  }

  private func report(_ now: Instant, orphans: Int) async -> HandoverReport {
    var unsaved = Unsaved()
    var isAnswering = true
    var complaint: String?
    for loop in loops {
      guard
        let (more, answers, reason) = try? await loop.eventLoop.submit({
          loop.here.core.change {
            ($0.data.unsaved(now), $0.database.isAnswered, $0.database.complaint)
          }
        }).get()
      else { continue }
      unsaved = unsaved + more
      if !more.isEmpty, !answers { isAnswering = false }
      if !more.isEmpty { complaint = complaint ?? reason }
    }
    return HandoverReport(
      unsaved: unsaved, orphans: orphans, isDatabaseAnswering: isAnswering, complaint: complaint)
  }
}

/// `ending` in a drone's directory says, while it waits for its end, whose process waits and what for: for those who
/// end a cluster on this machine, who would take it for one that hangs.
struct EndingFile {
  let directory: String
  private var path: String { directory + "/ending" }

  init(directory: String) { self.directory = directory }

  /// Nothing depends on it: where it cannot be written, the log has it too.
  func write(_ sentence: String) {
    let temporary = path + ".new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    let bytes = Array("\(getpid())\n\(sentence)\n".utf8)
    let written = Glibc.write(descriptor, bytes, bytes.count)
    close(descriptor)
    if written == bytes.count { rename(temporary, path) }
  }

  func remove() { unlink(path) }
}
