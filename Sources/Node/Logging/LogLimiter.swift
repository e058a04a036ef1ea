import Audit
import Dispatch
import Logging
import Synchronization

/// Bounds how many lines of one text, about one principal or address, a process logs, and how many of one text at all;
/// shared by all loggers of a process. Who connects, fails and connects again costs a node no disk.
final class LogLimiter: Sendable {
  private struct State {
    var limiter = RateLimiter()
    /// Whether somebody will look again at what was left out.
    var isAwake = false
  }

  private let state = Mutex(State())
  private let now: @Sendable () -> Int64
  private let later: @Sendable (@escaping @Sendable () -> Void) -> Void

  /// - Parameters:
  ///   - now: milliseconds, on a clock that is never set.
  ///   - later: calls what it is given some seconds later.
  init(
    now: @escaping @Sendable () -> Int64 = { NodeClock.now().milliseconds },
    later: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void = { body in
      let seconds = Int(RateLimiter.period / 1_000)
      DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds), execute: body)
    }
  ) {
    self.now = now
    self.later = later
  }

  /// Whether a line may be written.
  /// - Parameter tell: told of what was left out of sources that have been quiet since; at once, or later.
  func admit(
    _ kind: String, of source: String, level: Logger.Level,
    tell: @escaping @Sendable (RateLimiter.Omission) -> Void
  ) -> RateLimiter.Verdict {
    let (verdict, omissions, wakes) = state.withLock { state in
      let time = now()
      let verdict = state.limiter.admit(
        kind: kind, source: source, budget: Self.budget(of: level), now: time)
      let omissions = state.limiter.takeOmissions(now: time)
      let wakes = state.limiter.untold > 0 && !state.isAwake
      if wakes { state.isAwake = true }
      return (verdict, omissions, wakes)
    }
    for omission in omissions { tell(omission) }
    if wakes { later { self.look(tell) } }
    return verdict
  }

  private func look(_ tell: @escaping @Sendable (RateLimiter.Omission) -> Void) {
    let (omissions, isDone) = state.withLock { state in
      let omissions = state.limiter.takeOmissions(now: now())
      state.isAwake = state.limiter.untold > 0
      return (omissions, !state.isAwake)
    }
    for omission in omissions { tell(omission) }
    if !isDone { later { self.look(tell) } }
  }

  /// Of one text and source; all sources of a text have ten times as much.
  private static func budget(of level: Logger.Level) -> RateLimiter.Budget {
    level >= .warning
      ? RateLimiter.Budget(burst: 200, perMinute: 120) : RateLimiter.Budget(burst: 100, perMinute: 60)
  }
}

/// Lets through what the limiter admits, and says how much it did not.
struct LimitedLogHandler<Handler: LogHandler>: LogHandler {
  private var handler: Handler
  private let limiter: LogLimiter

  init(_ handler: Handler, limiter: LogLimiter) {
    self.handler = handler
    self.limiter = limiter
  }

  var logLevel: Logger.Level {
    get { handler.logLevel }
    set { handler.logLevel = newValue }
  }
  var metadata: Logger.Metadata {
    get { handler.metadata }
    set { handler.metadata = newValue }
  }
  var metadataProvider: Logger.MetadataProvider? {
    get { handler.metadataProvider }
    set { handler.metadataProvider = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { handler[metadataKey: key] }
    set { handler[metadataKey: key] = newValue }
  }

  func log(event: LogEvent) {
    let kind = "\(event.message)"
    let handler = self.handler
    @Sendable func tell(
      _ count: UInt64, _ kind: String, _ source: String, sources: Int, level: Logger.Level = .notice
    ) {
      var metadata: Logger.Metadata = ["event": "\(kind)"]
      if !source.isEmpty { metadata["of"] = "\(source)" }
      if sources > 1 { metadata["sources"] = "\(sources)" }
      handler.log(
        event: LogEvent(
          level: level, message: "\(count) more like this were left out", metadata: metadata,
          source: "Node", file: #fileID, function: #function, line: #line))
    }
    let source = source(of: event)
    let verdict = limiter.admit(kind, of: source, level: event.level) { omission in
      tell(omission.count, omission.kind, omission.source, sources: omission.sources)
    }
    guard case .passes(let leftOut) = verdict else { return }
    if leftOut > 0 { tell(leftOut, kind, source, sources: 1, level: event.level) }
    handler.log(event: event)
  }

  /// Whom a line is about: a principal that was proved, else where the peer comes from.
  private func source(of event: LogEvent) -> String {
    func value(_ key: String) -> String? { (event.metadata?[key] ?? handler.metadata[key]).map { "\($0)" } }
    return value(NodeLogging.Key.principal) ?? value(NodeLogging.Key.remote).map(RemoteAddress.source) ?? ""
  }
}
