import Cluster

/// What happened, as the shell tells the commander's core.
public enum CommanderEvent: Sendable {
  /// Some time passed; several times a heartbeat. `wall` is in seconds since 1970.
  case ticked(wall: Int64)
  case received(ControlMessage, from: Principal)
  /// The register as the authority told the drone of this process, in this version of the membership.
  case registerChanged(membership: UInt64, drones: [RegisteredNode], databases: [RegisteredNode])
  /// The certificate was renewed.
  case certified(certificate: [UInt8], notAfter: Int64)
  /// The map asked for by `sign` is signed.
  case signed(SignedSlotMap, version: UInt64)
  /// The access list as the authority told the drone of this process.
  case accessListChanged(NumberedAccessList)
  /// The list asked for by `signAccessList` is signed.
  case accessListSigned(SignedAccessList, version: UInt64)
}

/// What the shell shall do, in this order.
public enum CommanderAction: Equatable, Sendable {
  case send(ControlMessage, to: Principal)
  /// Sign this map with the election key.
  case sign(SlotMap)
  case signAccessList(PublishedAccessList)
  /// Seal this grant with the term's key for the database and send it.
  case mint(Grant, to: Principal, database: RegisteredNode)
  /// Hand the term's sealing key for this database over on the command session, drawing it at first.
  case deliverKey(database: RegisteredNode)
  /// Ask the database's command service whether it still has the key: a sign of life.
  case pingDatabase(database: RegisteredNode)
  /// Ask the database's command service what it has stored of all partitions.
  case askFences(database: RegisteredNode)
  /// Ask the authority to certify the election key again.
  case requestCertificate(Term)
  /// Give up the office.
  case resign(Term, reason: String)
  case note(CommanderNote)
}

/// Something for the log.
public enum CommanderNote: Equatable, Sendable {
  case droneJoined(Principal)
  case droneRemoved(Principal)
  case droneSilent(Principal)
  case droneDead(Principal, partitions: PartitionSet)
  case granted(PartitionSet, FencingToken, Grant.Mode, to: Principal)
  /// Acknowledged writes may be in memories that nobody has reported.
  case lossPossible(PartitionSet)
  case moving(PartitionSet, from: Principal)
  /// It says that it holds these, and neither was it granted them nor does the database say so.
  case contradicted(Principal, PartitionSet)
  /// It says that it has promised this higher term.
  case refusedBy(Principal, Term)
  case databaseReached(Principal)
  case databaseLost(Principal)
}
