import Cluster
import Drone
import Logging
import NIOCore
import Sessions
import Transport
import Wire

/// An owner's session with this drone as its shadow: carries what it says to the loops of its partitions, and their
/// answers back.
final class ReplicationSession {
  let owner: Principal
  private let members: MemberGate
  private let dataLoop: DataLoop
  private let logger: Logger
  /// Bytes on their way to other loops: beyond the limit the owner has to wait.
  private var bytesUnderWay = 0
  private static let maximumBytesUnderWay = 8 << 20
  private var session: Session?
  /// As its greeting said.
  private var number: UInt64 = 0

  init(owner: Principal, members: MemberGate, dataLoop: DataLoop, logger: Logger) {
    self.owner = owner
    self.members = members
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
    guard members.contains(owner) else { return session.close(.notAuthorized) }
    var reader = CBORReader(bytes)
    var elsewhere: [Int: [ReplicationMessage]] = [:]
    var answers: [ReplicationAnswer] = []
    do {
      while !reader.isAtEnd {
        let message = try ReplicationMessage(from: &reader)
        if case .greet(let session) = message { number = session }
        let loop = message.partition.map(dataLoop.loop(of:)) ?? dataLoop.index
        guard loop == dataLoop.index else {
          elsewhere[loop, default: []].append(message)
          continue
        }
        if let answer = dataLoop.core.take(message, from: owner, session: number) { answers.append(answer) }
      }
      // What it has taken it says only when that is in its journal for certain.
      if dataLoop.journal.mustWait {
        let own = answers
        dataLoop.journal.say { [self] in say(own, on: session) }
      } else {
        for answer in answers { try session.write { answer.encode(into: &$0) } }
      }
    } catch {
      logger.warning(
        "owner's session closed: what came is no replication message",
        metadata: [NodeLogging.Key.principal: "\(owner)", NodeLogging.Key.reason: "\(error)"])
      return session.close(SessionCloseReason(after: error))
    }
    dataLoop.shareMemory()
    for loop in elsewhere.keys.sorted() { forward(elsewhere[loop] ?? [], to: loop, bytes.count, session) }
  }

  private func forward(_ messages: [ReplicationMessage], to loop: Int, _ count: Int, _ session: Session) {
    bytesUnderWay += count
    if bytesUnderWay > Self.maximumBytesUnderWay { session.pauseReading() }
    let back = NIOLoopBound((self, session), eventLoop: session.eventLoop)
    let (sessionLoop, owner, number) = (session.eventLoop, owner, number)
    dataLoop.others[loop].execute { other in
      let answers = messages.compactMap { other.core.take($0, from: owner, session: number) }
      other.shareMemory()
      other.journal.say {
        sessionLoop.execute {
          let (handler, session) = back.value
          handler.returned(answers, count, session)
        }
      }
    }
  }

  private func returned(_ answers: [ReplicationAnswer], _ count: Int, _ session: Session) {
    bytesUnderWay -= count
    if bytesUnderWay <= Self.maximumBytesUnderWay / 2 { session.resumeReading() }
    say(answers, on: session)
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
