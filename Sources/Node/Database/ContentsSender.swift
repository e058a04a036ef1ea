import Audit
import Cluster
import Database
import Logging
import Storage
import StoreRules
import Wire

/// Reads what a drone is owed and sends it at the pace of its session, on a thread that may wait.
struct ContentsSender {
  private let stream: ContentsStream
  private let link: StoreSession.Link
  private let logger: Logger
  private let audit: AuditLog
  private var rest: PartitionSet

  init(stream: ContentsStream, link: StoreSession.Link, logger: Logger, audit: AuditLog) {
    self.stream = stream
    self.logger = logger
    self.audit = audit
    self.link = link
    rest = stream.opening.partitions
  }

  /// - Returns: how it ended, for the core.
  mutating func run(_ store: any Store) -> (DatabaseEvent, StoreError?) {
    do throws(StoreError) {
      try store.contents(of: stream.opening) { part in send(part) }
      return (.streamed(stream.identifier), nil)
    } catch {
      // A partition that went to another meanwhile, or a receiver that is gone, is no trouble of the store's.
      if let event = AuditEvent(error, foundBy: "read") { audit.record(event) }
      if error.path != nil {
        logger.error("the store failed", metadata: [NodeLogging.Key.reason: "\(error)"])
      }
      return (.streamFailed(stream.identifier, rest: rest, error.failure), error)
    }
  }

  private mutating func send(_ part: StorePart) -> Bool {
    switch part {
    case .entries(let partition, let entries):
      return link.sendAndWait(
        StoreAnswer.contents(number: stream.number, partition: partition, entries: entries).encoded())
    case .end(let tail):
      rest.remove(tail.partition)
      return link.sendAndWait(
        StoreAnswer.opened(
          number: stream.number, partition: tail.partition, sequence: tail.sequence, inSync: tail.inSync,
          past: tail.past
        ).encoded())
    }
  }
}
