import Cluster
import Drone
import Logging
import NIOCore
import Sessions
import Synchronization
import Transport

/// Decides who handles a new session of a drone: nodes go to the mesh, everybody else is a client. The
/// listener needs it before the parts it names exist; until then nobody is let in.
final class SessionWiring: Sendable {
  private struct Parts {
    let loops: [ObjectIdentifier: DataLoopReference]
    let all: DroneLoops
    let peers: SessionHandlerFactory
  }

  private let parts = Mutex<Parts?>(nil)
  private let realm: String
  private let authority: Principal
  private let members: MemberGate
  private let logger: Logger

  init(realm: String, authority: Principal, members: MemberGate, logger: Logger) {
    self.realm = realm
    self.authority = authority
    self.members = members
    self.logger = logger
  }

  func connect(loops: [DataLoopReference], peers: @escaping SessionHandlerFactory) {
    let parts = Parts(
      loops: Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.eventLoop), $0) }),
      all: DroneLoops(loops.map(\.core)), peers: peers)
    self.parts.withLock { $0 = parts }
  }

  /// Who a peer is; nil: nobody that a drone talks with.
  func admission(of identity: SessionIdentity) -> DronePeer? {
    DronePeer.admitted(identity.peer, realm: realm, authority: authority, isMember: members.contains)
  }

  func handler(for identity: SessionIdentity, on eventLoop: any EventLoop) -> (any SessionHandler)? {
    guard let parts = parts.withLock({ $0 }) else { return EarlySession() }
    switch admission(of: identity) {
    case .authority:
      return parts.peers(identity, eventLoop).map { NodeSessionHandler(mesh: $0, replication: nil) }
    case .drone(let owner):
      guard let mesh = parts.peers(identity, eventLoop) else { return nil }
      let replication = parts.loops[ObjectIdentifier(eventLoop)].map {
        ReplicationSession(owner: owner, dataLoop: $0.here, logger: logger)
      }
      return NodeSessionHandler(mesh: mesh, replication: replication)
    case .client:
      return parts.loops[ObjectIdentifier(eventLoop)].map {
        ClientSession(dataLoop: $0.here, of: parts.all, principal: identity.peer)
      }
    case nil:
      logger.warning(
        "session refused: a drone has no business with this principal, or it is no member of the cluster",
        metadata: [NodeLogging.Key.principal: "\(identity.peer)"])
      return nil
    }
  }
}

/// Of whoever comes before the drone is ready: it ends, and says nothing of rights.
private final class EarlySession: SessionHandler {
  func sessionOpened(_ session: Session) { session.close(.finished) }
  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {}
  func closed(_ session: Session, error: SessionError?) {}
}
