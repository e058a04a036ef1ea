import Cluster
import Drone
import Glibc
import Logging
import NIOCore

/// The end of a drone: waits until the database has everything, for as long as that takes, and says what for.
struct Handover {
  let loops: [DataLoopReference]
  let directory: String
  let logger: Logger
  /// Of how many partitions there is something in memory here that nobody serves; nil while that is not known.
  let orphans: @Sendable () async -> Int?

  /// Milliseconds that the commander may take to have such things promoted, once the rest is stored.
  private static let promoting: Int64 = 30_000
  /// Milliseconds between two looks, between two times that the file is written, and between two lines in the log.
  private static let look: Int64 = 10
  private static let refresh: Int64 = 1_000
  private static let pause: Int64 = 5_000

  /// - Returns: what the database does not have, where somebody would not wait for it, or the commander has not had it
  ///   promoted in time.
  func run(_ hurry: Hurry) async -> HandoverReport? {
    let file = EndingFile(directory: directory)
    defer { file.remove() }
    var (nextRefresh, nextLine) = (NodeClock.now(), NodeClock.now())
    var hasSpoken = false
    // When the commander is waited for no more: it counts from when all that is served here is stored.
    var end: Instant?
    while true {
      let isStored = await retire()
      let now = NodeClock.now()
      let orphans = await orphans()
      if isStored, orphans == 0 { return nil }
      end = isStored ? end ?? now + Self.promoting : nil
      let isOver = hurry.isAsked || Task.isCancelled || end.map { now >= $0 } ?? false
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
      try? await Task.sleep(for: .milliseconds(Self.look))
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
