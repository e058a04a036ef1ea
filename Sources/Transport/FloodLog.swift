import Logging
import NIOCore
import Synchronization

/// Decides which lines about one kind of event are written: the first few of an interval. The next line after that says
/// how many were left out.
struct LineCensus {
  static let lines = 20
  static let interval = TimeAmount.seconds(10)

  private struct Count {
    var end: NIODeadline
    var written = 0
    var leftOut = 0
  }

  private var counts: [FloodLog.Kind: Count] = [:]

  /// - Returns: how many lines of this kind were left out before this one; nil when this one is left out as well.
  mutating func admit(_ kind: FloodLog.Kind, now: NIODeadline) -> Int? {
    var count = counts[kind] ?? Count(end: now + Self.interval)
    defer { counts[kind] = count }
    var before = 0
    if now >= count.end {
      before = count.leftOut
      count = Count(end: now + Self.interval)
    }
    guard count.written < Self.lines else {
      count.leftOut += 1
      return nil
    }
    count.written += 1
    return before
  }
}

/// Writes the lines about what anybody can make happen as often as he likes, in bounded number.
final class FloodLog: Sendable {
  enum Kind: Hashable {
    case handshakeFailed, displaced, acceptPaused, accepting, sessionRefused, sessionDisplaced, heldTooMuch
  }

  let logger: Logger
  private let census = Mutex(LineCensus())

  init(_ logger: Logger) { self.logger = logger }

  func log(
    _ kind: Kind, _ level: Logger.Level, _ message: @autoclosure () -> Logger.Message,
    _ metadata: @autoclosure () -> Logger.Metadata
  ) {
    guard logger.logLevel <= level,
      let leftOut = census.withLock({ $0.admit(kind, now: .now()) })
    else { return }
    var all = metadata()
    if leftOut > 0 { all["left-out"] = "\(leftOut)" }
    logger.log(level: level, message(), metadata: all)
  }
}
