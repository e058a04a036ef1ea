import Audit
import Cluster
import Commander
import Drone

extension AuditEvent {
  /// Nil for what nobody has to answer for.
  init?(_ note: DroneNote) {
    switch note {
    case .commanderHeard(let principal, let term):
      self.init(.election, "commander", outcome: "followed", principal: principal.text, term: term.number)
    case .voted(let term, let candidate):
      self.init(.election, "vote", outcome: "given", principal: candidate.text, term: term.number)
    case .membershipChanged(let version, let members):
      self.init(.membership, "change", outcome: "done", version: version, reason: "members: \(members)")
    case .removed(let version):
      self.init(
        .membership, "change", outcome: "done", version: version, reason: "this drone was removed")
    case .disbelieved(let principal, let reason):
      self.init(.denial, "claim", outcome: "not believed", principal: principal.text, reason: reason)
    case .memoryFull(let memory):
      self.init(
        .memory, "ceiling", outcome: "reached", reason: "\(memory.used) of \(memory.ceiling) bytes")
    case .memoryFree(let memory):
      self.init(.memory, "ceiling", outcome: "left", reason: "\(memory.used) of \(memory.ceiling) bytes")
    case .commanderSilent, .candidate, .candidacyFailed, .readmitted: return nil
    }
  }

  /// A request of a client for a key: of the key itself only its slot is told, since keys may be secret, unless the
  /// operator wants to have them named.
  init(
    _ kind: Kind, _ request: DataRequest, outcome: String, by caller: Caller, namesKey: Bool,
    count: UInt64? = nil
  ) {
    let key = request.key
    self.init(
      kind, request.operation, outcome: outcome, by: caller, subject: request.subject,
      slot: key.map { UInt64(Slot(key: $0).number) },
      key: namesKey ? key.map(Array.init) : nil, count: count)
  }

  /// Nil for what nobody has to answer for.
  init?(_ note: CommanderNote, _ term: Term) {
    switch note {
    case .contradicted(let drone, let partitions):
      self.init(
        .denial, "report", outcome: "not believed", principal: drone.text, term: term.number,
        subject: "\(partitions)", reason: "neither was it granted these, nor does the database say so")
    case .refusedBy(let drone, let promised):
      self.init(
        .denial, "command", outcome: "refused by a drone", principal: drone.text, term: term.number,
        reason: "it says that it has promised term \(promised)")
    case .droneJoined, .droneRemoved, .droneSilent, .droneDead, .granted, .lossPossible, .moving,
      .databaseReached, .databaseLost:
      return nil
    }
  }
}

extension AdministratorOrder {
  /// As people type it.
  var name: String {
    switch self {
    case .drain: "drain"
    case .resume: "resume"
    case .acceptLoss: "accept-loss"
    }
  }
}

extension DataRequest {
  /// In one word.
  var operation: String {
    switch self {
    case .read(let request): request.kind.operation.name
    case .write(let request): request.kind.operation.name
    case .administer(_, let order, _): order.name
    case .status: "status"
    case .topology: "topology"
    case .introduce: "introduce"
    case .unreachable: "unreachable"
    case .sessions(_, .list): "list sessions"
    case .sessions: "end sessions"
    }
  }

  /// Whom an order or a complaint is about.
  var subject: String? {
    switch self {
    case .administer(_, _, let name): name.isEmpty ? nil : name
    case .unreachable(_, let drone): drone.text
    case .sessions(_, .endAll(let principal)): principal.text
    case .read, .write, .introduce, .topology, .status, .sessions: nil
    }
  }

  /// Whether it is among those that the operator wants to have recorded.
  func isRecorded(_ data: AuditSettings.Data) -> Bool {
    switch self {
    case .read: data == .all
    case .write: data != .none
    case .introduce, .topology, .unreachable, .status, .administer, .sessions: false
    }
  }
}
