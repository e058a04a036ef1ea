import NIOCore
import Sessions

/// What is done with the messages of one session. Every call comes on the session's event loop, in order:
/// `sessionOpened`, then the others, `closed` once and last.
public protocol SessionHandler: AnyObject {
  /// The handshake is over. What is written here and flushed leaves together with the last flight.
  func sessionOpened(_ session: Session)
  /// One record came: a CBOR sequence of messages. The bytes are valid only within the call.
  func received(_ messages: UnsafeRawBufferPointer, on session: Session)
  /// Everything that had come was handed over. What was written since is sealed once and sent after this
  /// call, without a `flush()`.
  func readCompleted(on session: Session)
  /// The peer reads slower than this side writes (`false`), or has caught up.
  func writabilityChanged(_ isWritable: Bool, on session: Session)
  /// The session will end, or should be replaced.
  func noticed(_ notice: SessionNotice, on session: Session)
  /// The session is over. `nil`: this side closed it in order.
  func closed(_ session: Session, error: SessionError?)
}

extension SessionHandler {
  public func sessionOpened(_ session: Session) {}
  public func readCompleted(on session: Session) {}
  public func writabilityChanged(_ isWritable: Bool, on session: Session) {}
  public func noticed(_ notice: SessionNotice, on session: Session) {}
}

/// Something to know about a session that goes on for now.
public enum SessionNotice: Equatable, Sendable {
  /// It ends at that time (seconds since 1970) with its ticket: renew the ticket and open another.
  case expiring(at: Int64)
  /// It is an hour old: open another when it suits, for fresh keys.
  case renewalDue
}

/// Makes the handler of a new session, on its event loop. `nil` refuses the peer (not a member, say).
public typealias SessionHandlerFactory =
  @Sendable (_ identity: SessionIdentity, _ eventLoop: any EventLoop) -> (any SessionHandler)?

/// A session that may be named from any thread; what it does, it does on its event loop.
public struct SessionReference: Sendable {
  public let id: UInt64
  public let identity: SessionIdentity
  public let eventLoop: any EventLoop
  private let bound: NIOLoopBound<Session>

  /// To be made on the session's event loop.
  public init(_ session: Session) {
    id = session.id
    identity = session.identity
    eventLoop = session.eventLoop
    bound = NIOLoopBound(session, eventLoop: session.eventLoop)
  }

  /// The session itself, for who knows to be on its event loop.
  var onItsLoop: Session { bound.value }

  /// Runs `body` on the session's event loop: at once when this is it.
  public func execute(_ body: @escaping @Sendable (Session) -> Void) {
    if eventLoop.inEventLoop {
      body(bound.value)
    } else {
      eventLoop.execute { [bound] in body(bound.value) }
    }
  }

  /// Flushes and closes the session in order.
  public func close(_ reason: SessionCloseReason = .finished) {
    execute { $0.close(reason) }
  }
}
