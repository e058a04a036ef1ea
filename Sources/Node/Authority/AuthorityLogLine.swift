import Authority
import Cluster
import Logging

/// A note of the authority's core as a line of the log.
struct AuthorityLogLine {
  let level: Logger.Level
  let event: String
  let metadata: Logger.Metadata

  private init(
    _ level: Logger.Level, _ event: String, term: Term? = nil, principal: Principal? = nil,
    reason: String? = nil, _ more: Logger.Metadata = [:]
  ) {
    self.level = level
    self.event = event
    var metadata = more
    if let term { metadata[NodeLogging.Key.term] = "\(term)" }
    if let principal { metadata[NodeLogging.Key.principal] = "\(principal)" }
    if let reason { metadata[NodeLogging.Key.reason] = "\(reason)" }
    self.metadata = metadata
  }

  init(_ note: AuthorityNote) {
    switch note {
    case .registered(let node):
      self.init(
        .notice, "node registered", principal: node.principal,
        [NodeLogging.Key.address: "\(node.endpoint)"])
    case .ballotOpened(let term, let candidate, let voters):
      self.init(.notice, "ballot opened", term: term, principal: candidate, ["voices": "\(voters)"])
    case .ballotFailed(let term, let candidate, let reason):
      self.init(.notice, "ballot failed", term: term, principal: candidate, reason: reason)
    case .ballotWon(let term, let candidate, let votes, let voters):
      self.init(
        .notice, "ballot won", term: term, principal: candidate,
        ["votes": "\(votes)", "voices": "\(voters)"])
    case .stepDone(let term, let step): self.init(.info, Self.event(step), term: term)
    case .certified(let term, let winner):
      self.init(.notice, "commander certified", term: term, principal: winner)
    case .renewed(let term, let winner):
      self.init(.info, "certificate renewed", term: term, principal: winner)
    case .burnt(let term): self.init(.error, "term burnt: its office bears another key", term: term)
    case .superseded(let term):
      self.init(.warning, "the register was changed by another authority", term: term)
    case .retrying(let term, let reason):
      self.init(.warning, "certification is tried again", term: term, reason: reason)
    case .enrolling(let node, let administrator):
      self.init(.notice, "enrolling", principal: node, ["administrator": "\(administrator)"])
    case .enrolled(let node, let administrator, let refusal):
      self.init(
        .notice, "enrollment answered", principal: node, reason: refusal,
        ["administrator": "\(administrator)"])
    case .ticketsIssued(let order):
      self.init(.debug, "ticket certificate issued", term: order.term, principal: order.commander)
    case .ticketsNotIssued(let order, let reason):
      self.init(
        .warning, "ticket certificate not issued", term: order.term, principal: order.commander,
        reason: reason)
    case .ticketsRefused(let order):
      self.init(
        .debug, "ticket certificate not issued: the peer is not the commander", term: order.term,
        principal: order.commander)
    case .accessListInForce(let version):
      self.init(.notice, "access list in force", ["version": "\(version)"])
    case .administratorsChanged(let people):
      self.init(
        .notice, "administrators changed",
        ["administrators": "\(people.map(\.text).joined(separator: ", "))"])
    case .removed(let node, let version, let isDead, let administrator):
      self.init(
        .notice, isDead ? "node removed, off for good" : "node removed", principal: node,
        ["administrator": "\(administrator)", "version": "\(version)"])
    case .membershipChanged(let version, let members):
      self.init(.notice, "membership changed", ["version": "\(version)", "members": "\(members)"])
    case .counted(let version):
      self.init(.info, "membership counted by the commander", ["version": "\(version)"])
    case .storeHeld(let database, let mark, let known):
      self.init(
        .error, "a database's store is not the one that is known, or is behind it; it serves nobody",
        principal: database,
        reason: "an administrator decides: keyval database list",
        ["store": "\(mark)", "known": "\(known.mark)"])
    case .storeAccepted(let database, let mark, let administrator):
      self.init(
        .notice, "store accepted", principal: database,
        ["administrator": "\(administrator)", "store": "\(mark)"])
    case .refused(let peer, let reason): self.init(.info, "refused", principal: peer, reason: reason)
    case .promised(let drone, let term):
      self.init(
        .warning, "another election, for a drone that has promised a higher term", principal: drone,
        reason: "term \(term); if it says so again and again it lies: remove it")
    case .failed(let node, let reason):
      self.init(.warning, "a node's entry could not be changed", principal: node, reason: reason)
    }
  }

  static func event(_ step: OfficeRecord.Step) -> String {
    switch step {
    case .claimed: "term claimed"
    case .officeCreated: "office created at the KDC"
    case .termsRaised: "term stored at every database"
    case .lowerOfficesDeleted: "lower offices deleted"
    }
  }
}
