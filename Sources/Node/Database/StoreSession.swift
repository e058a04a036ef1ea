import Cluster
import Dispatch
import Logging
import NIOCore
import Sessions
import Synchronization
import Transport
import Wire

/// A drone's data session at the database: decodes its requests and carries them to the control loop.
final class StoreSession: SessionHandler {
  private let holder: Principal
  private let control: DatabaseControlReference
  private let logger: Logger
  private let pace = SessionPace()

  init(holder: Principal, control: DatabaseControlReference, logger: Logger) {
    self.holder = holder
    self.control = control
    self.logger = logger
  }

  /// The session as other threads know it.
  struct Link: Sendable {
    let holder: Principal
    let session: SessionReference
    let pace: SessionPace

    /// Sends one message.
    func send(_ message: [UInt8]) {
      session.execute { session in
        try? session.write(messages: message)
        session.flush()
      }
    }

    /// Sends one message and waits until the network has room for more. Blocks: not for an event loop.
    /// - Returns: whether the session is still there.
    func sendAndWait(_ message: [UInt8]) -> Bool {
      let pace = pace
      guard pace.begin() else { return false }
      session.execute { session in
        // Every message here is bounded so that it fits a record.
        try? session.write(messages: message)
        session.flush()
        if session.isWritable { pace.release() }
      }
      return pace.wait()
    }
  }

  func sessionOpened(_ session: Session) {
    logger.info("drone connected", metadata: [NodeLogging.Key.principal: "\(holder)"])
    let link = Link(holder: holder, session: SessionReference(session), pace: pace)
    control.execute { $0.opened(link) }
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    let id = session.id
    var reader = CBORReader(messages)
    do throws(CBORError) {
      while !reader.isAtEnd {
        let request = try StoreRequest(from: &reader)
        control.execute { $0.handle(.requested(request, session: id)) }
      }
    } catch {
      logger.warning(
        "drone's session closed: what came is no request",
        metadata: [NodeLogging.Key.principal: "\(holder)", NodeLogging.Key.reason: "\(error)"])
      session.close(SessionCloseReason(after: error))
    }
  }

  func writabilityChanged(_ isWritable: Bool, on session: Session) {
    if isWritable { pace.release() }
  }

  func closed(_ session: Session, error: SessionError?) {
    pace.end()
    let id = session.id
    logger.info(
      "drone disconnected",
      metadata: [
        NodeLogging.Key.principal: "\(holder)",
        NodeLogging.Key.reason: "\(error.map { "\($0)" } ?? "in order")",
      ])
    control.execute { $0.closed(id) }
  }
}

/// Makes the threads that read contents for a session wait for its network.
final class SessionPace: Sendable {
  private struct State {
    var waiting = 0
    var isOver = false
  }

  private let state = Mutex(State())
  private let semaphore = DispatchSemaphore(value: 0)

  /// Announces that `wait` follows; false when the session is over.
  func begin() -> Bool {
    state.withLock { state in
      guard !state.isOver else { return false }
      state.waiting += 1
      return true
    }
  }

  /// - Returns: whether the session is still there.
  func wait() -> Bool {
    semaphore.wait()
    return state.withLock { !$0.isOver }
  }

  /// There is room: everybody who waits goes on.
  func release() {
    let count = state.withLock { state in
      defer { state.waiting = 0 }
      return state.waiting
    }
    for _ in 0..<count { semaphore.signal() }
  }

  /// The session is over: everybody who waits, and whoever comes later, is told.
  func end() {
    state.withLock { $0.isOver = true }
    release()
  }
}
