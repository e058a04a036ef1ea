import Cluster
import NIOCore
import Sessions
import Synchronization
import Transport

/// Decides who handles a new session of a drone: nodes go to the mesh, everybody else is a client. The
/// listener needs it before the parts it names exist; until then nobody is let in.
final class SessionWiring: Sendable {
  private struct Parts {
    let loops: [ObjectIdentifier: DataLoopReference]
    let peers: SessionHandlerFactory
  }

  private let parts = Mutex<Parts?>(nil)

  func connect(loops: [ObjectIdentifier: DataLoopReference], peers: @escaping SessionHandlerFactory) {
    parts.withLock { $0 = Parts(loops: loops, peers: peers) }
  }

  func handler(for identity: SessionIdentity, on eventLoop: any EventLoop) -> (any SessionHandler)? {
    guard let parts = parts.withLock({ $0 }), let peer = try? Principal(identity.peer) else { return nil }
    if peer.role != nil { return parts.peers(identity, eventLoop) }
    return parts.loops[ObjectIdentifier(eventLoop)].map { ClientSession(dataLoop: $0.here) }
  }
}
