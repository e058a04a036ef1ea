import Sessions
import Transport

/// Who is at the other end of a session, for the records: proved but for the address.
struct Caller: Sendable, Hashable {
  let principal: String
  /// Host and port.
  let address: String
  /// Of the key that the ticket is encrypted with; nil where this node has dialled.
  let encryptionType: Int32?

  init(_ identity: SessionIdentity, remote: String) {
    principal = identity.peer
    address = RemoteAddress.plain(remote)
    encryptionType = identity.ticketEncryptionType
  }

  init(principal: String, address: String, encryptionType: Int32?) {
    self.principal = principal
    self.address = address
    self.encryptionType = encryptionType
  }

  init(_ session: Session) { self.init(session.identity, remote: session.remoteAddress) }
  init(_ session: PeerSession) { self.init(session.identity, remote: session.remoteAddress) }
}
