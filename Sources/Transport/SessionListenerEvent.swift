import Sessions

/// What becomes of somebody who connects to a ``SessionListener``. `remote` is the address, which proves nothing.
public enum SessionListenerEvent: Sendable {
  /// There is no session, and nobody has proved anything.
  case failed(remote: String, TransportError)
  /// The peer has proved who it is, but nobody here talks with it, or there are too many.
  case refused(SessionIdentity, remote: String, SessionError)
  case accepted(SessionIdentity, remote: String)
  /// A session that was accepted is over. Nil: this side closed it in order.
  case ended(SessionIdentity, remote: String, SessionError?)
}
