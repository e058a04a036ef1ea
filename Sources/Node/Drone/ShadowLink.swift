import Cluster
import Drone
import Logging
import NIOCore
import Sessions
import Transport
import Wire

/// The shell of a data loop's session with one shadow: performs what `ReplicationLinkCore` decides.
final class ShadowLink: SessionHandler {
  private unowned let dataLoop: DataLoop
  private let dialer: SessionDialer
  private let credential: InitiatorCredentialProvider
  private let logger: Logger
  private let peer: Principal
  private var session: Session?

  init(
    to peer: Principal, of dataLoop: DataLoop, dialer: SessionDialer,
    credential: @escaping InitiatorCredentialProvider, logger: Logger
  ) {
    self.peer = peer
    self.dataLoop = dataLoop
    self.dialer = dialer
    self.credential = credential
    self.logger = logger
  }

  private func handle(_ event: ReplicationLinkCore.Event) { dataLoop.handle(.shadow(peer, event)) }

  func perform(_ action: ReplicationLinkCore.Action) {
    switch action {
    case .dial(let node): dial(node)
    case .close: session?.close(.replaced)
    case .send(let messages): write(messages)
    case .redial(let pause):
      let bound = NIOLoopBound(self, eventLoop: dataLoop.eventLoop)
      dataLoop.eventLoop.scheduleTask(in: .milliseconds(pause + Int64.random(in: 0...20))) {
        bound.value.handle(.redialDue)
      }
    // The loop's core has seen to them.
    case .complete, .report: break
    }
  }

  private func write(_ messages: [ReplicationMessage]) {
    guard let session else { return }
    do {
      for message in messages { try session.write { message.encode(into: &$0) } }
      session.flush()
    } catch {
      // Bounds are chosen so that every message fits; if one does not, nothing is lost by starting over.
      logger.error("message to a shadow does not fit a record", metadata: ["error": "\(error)"])
      session.close(.finished)
    }
  }

  private func dial(_ node: RegisteredNode) {
    let address = NodeAddress(host: node.endpoint.host, port: Int(node.endpoint.port))
    let bound = NIOLoopBound(self, eventLoop: dataLoop.eventLoop)
    dialer.dial(
      node.principal.text, at: address, on: dataLoop.eventLoop, credential: credential,
      handler: { _, _ in bound.value },
      completion: { result in
        if case .failure(let error) = result { bound.value.failed(error) }
      })
  }

  private func failed(_ error: TransportError) {
    if dataLoop.core.change({ $0.failures(of: peer) }) == 0 {
      logger.warning(
        "shadow not reached",
        metadata: [
          NodeLogging.Key.principal: "\(peer)", NodeLogging.Key.reason: "\(error)",
        ])
    }
    handle(.dialFailed)
  }

  // MARK: Session

  func sessionOpened(_ session: Session) {
    self.session = session
    logger.info("shadow reached", metadata: [NodeLogging.Key.principal: "\(peer)"])
    handle(.sessionOpened)
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    var reader = CBORReader(messages)
    var answers: [ReplicationAnswer] = []
    do {
      while !reader.isAtEnd { answers.append(try ReplicationAnswer(from: &reader)) }
      handle(.answered(answers))
    } catch {
      logger.error(
        "a shadow's answer cannot be read",
        metadata: [NodeLogging.Key.principal: "\(peer)", NodeLogging.Key.reason: "\(error)"])
      session.close(SessionCloseReason(after: error))
    }
  }

  func readCompleted(on session: Session) { handle(.readCompleted) }

  func writabilityChanged(_ isWritable: Bool, on session: Session) {
    dataLoop.handle(.shadowWritable(peer, isWritable))
  }

  func noticed(_ notice: SessionNotice, on session: Session) {
    // A new session before this one ends with its ticket or gets old; the shadow goes on from what it has.
    session.close(.replaced)
  }

  func closed(_ session: Session, error: SessionError?) {
    self.session = nil
    if let error {
      logger.warning(
        "shadow's session ended",
        metadata: [NodeLogging.Key.principal: "\(peer)", NodeLogging.Key.reason: "\(error)"])
    }
    handle(.sessionClosed)
  }
}
