import Audit
import Cluster
import Commander
import Drone
import Logging

/// What the cores of a drone's control side note, as lines of the log.
extension DroneControl {
  /// - Parameter reply: nil when this drone is not the commander.
  func log(_ order: AdministratorOrder, _ name: String, by caller: Caller, _ reply: AdministratorReply?) {
    let outcome = reply.map { $0.isAccepted ? "accepted" : "refused" } ?? "not the commander"
    let term = seat.office?.term
    audit.record(
      AuditEvent(
        .order, order.name, outcome: outcome, by: caller, term: term?.number,
        subject: name.isEmpty ? nil : name, reason: reply?.sentence))
    guard let reply, let term else { return }
    logger.notice(
      "operator's order",
      metadata: [
        NodeLogging.Key.principal: "\(caller.principal)", NodeLogging.Key.remote: "\(caller.address)",
        NodeLogging.Key.term: "\(term)", "order": "\(order.name)", "name": "\(name)",
        "outcome": "\(outcome)", NodeLogging.Key.reason: "\(reply.sentence)",
      ])
  }

  func log(_ note: DroneNote) {
    if let event = AuditEvent(note) { audit.record(event) }
    switch note {
    case .commanderHeard(let principal, let term):
      hello.setCommander(principal)
      logger.notice(
        "commander", metadata: [NodeLogging.Key.principal: "\(principal)", NodeLogging.Key.term: "\(term)"])
    case .commanderSilent(let principal, let term):
      logger.warning(
        "commander is silent",
        metadata: [NodeLogging.Key.principal: "\(principal)", NodeLogging.Key.term: "\(term)"])
    case .candidate(let term): logger.notice("candidate", metadata: [NodeLogging.Key.term: "\(term)"])
    case .candidacyFailed(let term, let reason):
      logger.notice(
        "candidacy failed",
        metadata: [NodeLogging.Key.term: "\(term)", NodeLogging.Key.reason: "\(reason)"])
    case .voted(let term, let candidate):
      logger.notice(
        "voted", metadata: [NodeLogging.Key.principal: "\(candidate)", NodeLogging.Key.term: "\(term)"])
    case .membershipChanged(let version, let members):
      logger.notice("membership changed", metadata: ["version": "\(version)", "members": "\(members)"])
    case .removed(let version):
      logger.error(
        "this drone was removed from the cluster by an administrator; it serves nothing any more",
        metadata: ["version": "\(version)"])
    case .readmitted(let version):
      logger.notice(
        "this drone belongs to the cluster again: start it again to take part",
        metadata: ["version": "\(version)"])
    case .memoryFull(let memory):
      logger.error(
        "the memory ceiling is reached: no put of a client is taken until there is room",
        metadata: ["used": "\(memory.used)", "ceiling": "\(memory.ceiling)"])
    case .memoryFree(let memory):
      logger.notice(
        "there is room again: what clients put is taken",
        metadata: ["used": "\(memory.used)", "ceiling": "\(memory.ceiling)"])
    case .disbelieved(let principal, let reason):
      logger.warning(
        "not believed",
        metadata: [NodeLogging.Key.principal: "\(principal)", NodeLogging.Key.reason: "\(reason)"])
    }
  }

  func log(_ note: CommanderNote, _ term: Term) {
    if let event = AuditEvent(note, term) { audit.record(event) }
    var metadata: Logger.Metadata = [NodeLogging.Key.term: "\(term)"]
    let event: String
    switch note {
    case .droneJoined(let principal): (event, metadata["principal"]) = ("drone joined", "\(principal)")
    case .droneRemoved(let principal): (event, metadata["principal"]) = ("drone removed", "\(principal)")
    case .droneSilent(let principal): (event, metadata["principal"]) = ("drone is silent", "\(principal)")
    case .droneDead(let principal, let partitions):
      (event, metadata["principal"]) = ("lease over, partitions free", "\(principal)")
      metadata[NodeLogging.Key.partition] = "\(partitions)"
    case .granted(let partitions, let token, let mode, let principal):
      (event, metadata["principal"]) = ("granted", "\(principal)")
      metadata["mode"] = "\(mode)"
      metadata[NodeLogging.Key.partition] = "\(partitions)"
      metadata["token"] = "\(token)"
    case .moving(let partitions, let principal):
      (event, metadata["principal"]) = ("asked to release", "\(principal)")
      metadata[NodeLogging.Key.partition] = "\(partitions)"
    case .lossPossible(let partitions):
      event = "not served: acknowledged writes may be in the memory of drones that are not there"
      metadata[NodeLogging.Key.partition] = "\(partitions)"
      return logger.error("\(event)", metadata: metadata)
    case .contradicted(let principal, let partitions):
      event = "a drone reports what is not its own, by what was granted and what the database has stored"
      metadata["principal"] = "\(principal)"
      metadata[NodeLogging.Key.partition] = "\(partitions)"
      return logger.error("\(event)", metadata: metadata)
    case .refusedBy(let principal, let term):
      event = "a drone refuses this commander, having promised a higher term"
      metadata["principal"] = "\(principal)"
      metadata["promised"] = "\(term)"
      return logger.warning("\(event)", metadata: metadata)
    case .databaseReached(let principal):
      (event, metadata["principal"]) = ("database commanded", "\(principal)")
    case .databaseLost(let principal):
      (event, metadata["principal"]) = ("database does not answer", "\(principal)")
    }
    logger.info("\(event)", metadata: metadata)
  }
}
