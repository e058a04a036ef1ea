import Cluster
import Drone
import Logging
import NIOCore
import Sessions
import Transport
import Wire

/// The shell of an owner's session with this drone as its shadow: performs what `OwnerSessionCore` decides.
final class ReplicationSession {
  private let dataLoop: DataLoop
  private let logger: Logger
  private var core: OwnerSessionCore
  private var session: Session?

  var owner: Principal { core.owner }

  init(owner: Principal, dataLoop: DataLoop, logger: Logger) {
    core = OwnerSessionCore(owner: owner)
    self.dataLoop = dataLoop
    self.logger = logger
  }

  func opened(_ session: Session) {
    self.session = session
    dataLoop.add(self)
  }

  func closed() {
    session = nil
    dataLoop.remove(self)
  }

  /// The owner was removed from the cluster.
  func close() { session?.close(.notAuthorized) }

  func received(_ bytes: UnsafeRawBufferPointer, on session: Session) {
    // The session may be older than the list that the owner is no longer on.
    guard dataLoop.admits(owner) else { return session.close(.notAuthorized) }
    do {
      for portion in try core.part(bytes, on: dataLoop.index, of: dataLoop.placement) {
        if portion.loop == dataLoop.index {
          receive(portion, session)
        } else {
          forward(portion, bytes.count, session)
        }
      }
    } catch {
      logger.warning(
        "owner's session closed: what came is no replication message",
        metadata: [NodeLogging.Key.principal: "\(owner)", NodeLogging.Key.reason: "\(error)"])
      session.close(SessionCloseReason(after: error))
    }
  }

  /// What it has taken it says only when that is in its journal for certain.
  private func receive(_ portion: OwnerSessionCore.Portion, _ session: Session) {
    let answers = dataLoop.receive(portion, from: owner)
    if dataLoop.journal.mustWait {
      dataLoop.journal.say { [self] in say(answers, on: session) }
    } else {
      say(answers, on: session)
    }
  }

  private func forward(_ portion: OwnerSessionCore.Portion, _ count: Int, _ session: Session) {
    core.sent(count)
    keepPace(session)
    let back = NIOLoopBound((self, session), eventLoop: session.eventLoop)
    let (sessionLoop, owner) = (session.eventLoop, owner)
    dataLoop.others[portion.loop].execute { other in
      let answers = other.receive(portion, from: owner)
      other.journal.say {
        sessionLoop.execute {
          let (handler, session) = back.value
          handler.returned(answers, count, session)
        }
      }
    }
  }

  private func returned(_ answers: [ReplicationAnswer], _ count: Int, _ session: Session) {
    core.returned(count)
    keepPace(session)
    say(answers, on: session)
  }

  private func keepPace(_ session: Session) {
    if core.mayRead { session.resumeReading() } else { session.pauseReading() }
  }

  private func say(_ answers: [ReplicationAnswer], on session: Session) {
    guard session.isOpen, !answers.isEmpty else { return }
    do {
      for answer in answers { try session.write { answer.encode(into: &$0) } }
      session.flush()
    } catch {
      // Answers are short, so every one fits a record. Should one not, the owner must not wait for it in vain.
      logger.error("answer to an owner does not fit a record", metadata: [NodeLogging.Key.reason: "\(error)"])
      session.close(.finished)
    }
  }
}

/// A session that another node opened with this drone: for its control plane, or to have partitions shadowed. What
/// comes first says which.
final class NodeSessionHandler: SessionHandler {
  private let mesh: any SessionHandler
  private let replication: ReplicationSession?
  private enum Kind { case unknown, mesh, replication }
  private var kind = Kind.unknown

  /// - Parameter replication: nil for nodes that own no partitions.
  init(mesh: any SessionHandler, replication: ReplicationSession?) {
    self.mesh = mesh
    self.replication = replication
  }

  /// Also while nothing has come on it, it ends when its owner is removed.
  func sessionOpened(_ session: Session) { replication?.opened(session) }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    session.requests &+= 1
    if kind == .unknown { decide(messages, session) }
    switch kind {
    case .replication: replication?.received(messages, on: session)
    case .mesh, .unknown: mesh.received(messages, on: session)
    }
  }

  private func decide(_ messages: UnsafeRawBufferPointer, _ session: Session) {
    var reader = CBORReader(messages)
    if replication != nil, (try? reader.readArrayHeader(maximum: 8)) != nil,
      let number = try? reader.readUnsigned(), ReplicationMessage.kinds.contains(number)
    {
      kind = .replication
    } else {
      kind = .mesh
      replication?.closed()
      mesh.sessionOpened(session)
    }
  }

  func readCompleted(on session: Session) { if kind == .mesh { mesh.readCompleted(on: session) } }

  func writabilityChanged(_ isWritable: Bool, on session: Session) {
    if kind == .mesh { mesh.writabilityChanged(isWritable, on: session) }
  }

  func noticed(_ notice: SessionNotice, on session: Session) {
    if kind == .mesh { mesh.noticed(notice, on: session) }
  }

  func closed(_ session: Session, error: SessionError?) {
    switch kind {
    case .mesh: mesh.closed(session, error: error)
    case .replication, .unknown: replication?.closed()
    }
  }
}
