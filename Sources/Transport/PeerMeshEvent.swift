import Sessions

/// What happens between this node and its peers, on the mesh's event loop, in order.
public enum PeerMeshEvent: Sendable {
  /// A session stands, dialled by either side.
  case opened(PeerSession)
  /// The plaintext of one record: a CBOR sequence of one or more messages.
  case received(PeerSession, [UInt8])
  /// A session ended. Others with the same principal may go on.
  case closed(PeerSession, SessionError?)
  /// A dial failed. Messages for the principal wait for the next attempt until they are too old.
  case unreachable(principal: String, TransportError)
}

/// One session of a mesh: who is there, as the handshake proved.
public struct PeerSession: Sendable, Equatable {
  /// Unique within the process.
  public let id: UInt64
  public let identity: SessionIdentity
  /// The peer's address, for people and logs. Proves nothing.
  public let remoteAddress: String

  /// The other side's principal, with its realm.
  public var peer: String { identity.peer }
  /// The service principal that was dialled: ours when `isInbound`.
  public var service: String { identity.service }
  /// Authentication indicators of the peer's ticket; empty unless `isInbound`.
  public var authenticationIndicators: [String] { identity.authenticationIndicators }
  public var isInbound: Bool { identity.role == .acceptor }

  init(_ session: Session) {
    id = session.id
    identity = session.identity
    remoteAddress = session.remoteAddress
  }
}
