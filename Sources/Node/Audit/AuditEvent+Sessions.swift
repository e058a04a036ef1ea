import Audit
import Sessions
import Transport

extension AuditEvent {
  init(
    _ kind: Kind, _ action: String, outcome: String, by caller: Caller, term: UInt64? = nil,
    subject: String? = nil, slot: UInt64? = nil, key: [UInt8]? = nil, count: UInt64? = nil,
    reason: String? = nil
  ) {
    self.init(
      kind, action, outcome: outcome, principal: caller.principal, address: caller.address,
      encryptionType: caller.encryptionType, term: term, subject: subject, slot: slot, key: key, count: count,
      reason: reason)
  }

  /// Both sides of a session keep a record only at the side that was dialled.
  init(_ event: SessionListenerEvent) {
    switch event {
    case .failed(let remote, let error):
      self.init(
        .session, "begin", outcome: "refused", address: RemoteAddress.plain(remote), reason: error.description
      )
    case .refused(let identity, let remote, let error):
      self.init(
        .session, "begin", outcome: "refused", by: Caller(identity, remote: remote),
        subject: identity.service, reason: error.description)
    case .accepted(let identity, let remote):
      self.init(
        .session, "begin", outcome: "accepted", by: Caller(identity, remote: remote),
        subject: identity.service)
    case .ended(let identity, let remote, let error):
      self.init(
        .session, "end", outcome: "ended", by: Caller(identity, remote: remote), subject: identity.service,
        reason: error?.description ?? "closed by this side")
    }
  }
}
