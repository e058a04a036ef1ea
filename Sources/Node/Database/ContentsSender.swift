import Audit
import Cluster
import Database
import Logging
import Storage

/// Reads what a drone is owed and sends it at the pace of its session, on a thread that may wait.
struct ContentsSender {
  private var delivery: ContentsDelivery
  private let link: StoreSession.Link
  private let logger: Logger
  private let audit: AuditLog

  init(_ delivery: ContentsDelivery, link: StoreSession.Link, logger: Logger, audit: AuditLog) {
    self.delivery = delivery
    self.logger = logger
    self.audit = audit
    self.link = link
  }

  /// - Returns: how it ended, for the core.
  mutating func run(_ store: any Store) -> (DatabaseEvent, StoreError?) {
    do throws(StoreError) {
      try store.contents(of: delivery.stream.opening) { part in
        link.sendAndWait(delivery.answer(part).encoded())
      }
      return (delivery.completed, nil)
    } catch {
      // A partition that went to another meanwhile, or a receiver that is gone, is no trouble of the store's.
      if let event = AuditEvent(error, foundBy: "read") { audit.record(event) }
      if error.path != nil {
        logger.error("the store failed", metadata: [NodeLogging.Key.reason: "\(error)"])
      }
      return (delivery.failed(error.failure), error)
    }
  }
}
