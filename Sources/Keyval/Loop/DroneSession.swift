import Cluster
import Routing
import Sessions
import Transport
import Wire

/// One session with a drone: decodes its answers for the router.
final class DroneSession: SessionHandler {
  let link: LinkID
  /// Kept alive by this session, and it by the loop, until the loop forgets the session.
  private let loop: ClientLoop
  private(set) var session: Session?
  /// Something was gathered that has not been flushed.
  var isDirty = false

  init(link: LinkID, loop: ClientLoop) {
    self.link = link
    self.loop = loop
  }

  func sessionOpened(_ session: Session) {
    self.session = session
    loop.opened(self, expiry: session.identity.ticketExpiry, client: session.identity.local)
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    var reader = CBORReader(messages)
    do throws(CBORError) {
      while !reader.isAtEnd { loop.answered(self, ClientAnswer(try DataAnswer(from: &reader))) }
    } catch {
      loop.closed(self, reason: "\(session.identity.peer) answers what cannot be read: \(error)")
      session.close(SessionCloseReason(after: error))
    }
  }

  func readCompleted(on session: Session) { loop.perform() }

  func noticed(_ notice: SessionNotice, on session: Session) { loop.expiring(self) }

  func closed(_ session: Session, error: SessionError?) {
    self.session = nil
    loop.closed(self, reason: error?.description ?? "the session with \(session.identity.peer) was closed")
  }

  func write(_ number: UInt64, _ message: ClientMessage) {
    // Too large a message was refused before it came here; a session that is over takes none.
    try? session?.write { writer in message.encode(number: number, into: &writer) }
  }
}
