import Glibc
import Logging
import Synchronization

@testable import Node

/// Keeps what is logged, as the lines that would be written.
final class LogCatcher: Sendable {
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }

  var logger: Logger {
    var logger = Logger(label: "test") { [self] _ in CatchingLogHandler(self) }
    logger.logLevel = .trace
    return logger
  }

  fileprivate func add(_ line: String) { lines.withLock { $0.append(line) } }
}

struct CatchingLogHandler: LogHandler {
  private let catcher: LogCatcher
  var logLevel: Logger.Level = .trace
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?

  init(_ catcher: LogCatcher) { self.catcher = catcher }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    catcher.add(
      LogLine.format(
        time: timespec(), level: event.level, label: "test", message: "\(event.message)",
        metadata: metadata.merging(event.metadata ?? [:]) { $1 }))
  }
}
