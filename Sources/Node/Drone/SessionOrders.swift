import Audit
import Cluster
import Drone
import Logging
import NIOCore
import Transport
import Wire

/// Carries out what operators want of a drone's sessions.
struct SessionOrders: Sendable {
  let register: SessionRegister
  let logger: Logger
  let audit: AuditLog

  /// - Parameters:
  ///   - caller: who asks, and has the right to it.
  ///   - id: of the session on which it is asked, which is never among those that end.
  /// - Returns: the encoded answer to the request of that number.
  func perform(
    _ order: SessionOrder, number: UInt64, by caller: Caller, on id: UInt64, _ eventLoop: any EventLoop
  ) -> EventLoopFuture<[UInt8]> {
    func administered(_ reply: AdministratorReply) -> EventLoopFuture<[UInt8]> {
      tell(reply, order, by: caller)
      return eventLoop.makeSucceededFuture(Self.encoded(.administered(number: number, reply)))
    }
    switch SessionJudgement(of: order, on: id) {
    case .list(let last, let limit):
      return register.list(after: last, limit: limit, on: eventLoop).map { entries, hasMore in
        let page = SessionPage(sessions: entries.compactMap(OpenSession.init), hasMore: hasMore)
        return Self.encoded(.sessions(number: number, page))
      }
    case .end(let other):
      return administered(SessionJudgement.reply(ended: other, of: register.end(other)))
    case .endAll(let principal, let id):
      let count = register.endAll(of: principal.text, but: id)
      return administered(SessionJudgement.reply(ended: count, of: principal))
    case .refuse(let reply): return administered(reply)
    }
  }

  private static func encoded(_ answer: DataAnswer) -> [UInt8] {
    var writer = CBORWriter()
    answer.encode(into: &writer)
    return writer.bytes
  }

  private func tell(_ reply: AdministratorReply, _ order: SessionOrder, by caller: Caller) {
    audit.record(
      AuditEvent(
        .order, "end sessions", outcome: reply.isAccepted ? "accepted" : "refused", by: caller,
        subject: order.subject, reason: reply.sentence))
    logger.notice(
      "operator's order",
      metadata: [
        NodeLogging.Key.principal: "\(caller.principal)", "order": "end sessions",
        NodeLogging.Key.reason: "\(reply.sentence)",
      ])
  }
}

extension SessionOrder {
  /// Whose sessions are to end, for the audit log.
  fileprivate var subject: String? {
    switch self {
    case .list: nil
    case .end(let id): "session \(id)"
    case .endAll(let principal): principal.text
    }
  }
}

extension OpenSession {
  /// Nil for a peer whose name is none of ours, which was never let in.
  fileprivate init?(_ entry: SessionRegister.Entry) {
    guard let principal = try? Principal(entry.principal) else { return nil }
    self.init(
      id: entry.id, principal: principal, address: entry.address, isNode: entry.isNode, since: entry.since,
      requests: entry.requests, unsentBytes: UInt64(max(0, entry.unsentBytes)))
  }
}
