import Wire

/// The state of the cluster as its commander sees it.
public struct ClusterStatus: Hashable, Sendable {
  public struct Drone: Hashable, Sendable {
    public enum State: UInt64, Sendable {
      /// Answers heartbeats and serves its slots.
      case serving = 1
      /// Answers heartbeats; some of its slots are still being loaded.
      case loading = 2
      /// Does not answer; its lease has not yet run out.
      case silent = 3
      /// Does not answer, and its lease is over.
      case dead = 4
      /// Answers and owns nothing yet.
      case idle = 5
      /// An operator has it emptied; it still owns slots.
      case draining = 6
      /// It has been emptied, and is given nothing.
      case drained = 7
      /// It has been asked to end, and hands what it has to the database.
      case ending = 8
    }

    public let principal: Principal
    public let endpoint: Endpoint
    public let state: State
    /// Slots that the map gives it.
    public let slots: Int
    /// Slots that it is to shadow.
    public let shadowing: Int
    /// Milliseconds since the oldest of its writes that the database does not have.
    public let behind: UInt64
    /// Bytes of such writes.
    public let backlog: UInt64
    public let memory: MemoryUse

    public init(
      principal: Principal, endpoint: Endpoint, state: State, slots: Int, shadowing: Int = 0,
      behind: UInt64 = 0, backlog: UInt64 = 0, memory: MemoryUse = MemoryUse()
    ) {
      self.principal = principal
      self.endpoint = endpoint
      self.state = state
      self.slots = slots
      self.shadowing = shadowing
      self.behind = behind
      self.backlog = backlog
      self.memory = memory
    }
  }

  /// Partitions that wait for copies of which one, that of a life of a drone, is gone with its machine's memory.
  public struct Loss: Hashable, Sendable {
    public let drone: Principal
    public let partitions: PartitionSet
    /// Between which moments writes may lack, by what that drone says.
    public let journal: JournalLoss

    public init(drone: Principal, partitions: PartitionSet, journal: JournalLoss) {
      self.drone = drone
      self.partitions = partitions
      self.journal = journal
    }
  }

  /// How many of them are told, at most.
  public static let mostLosses = SlotMap.maximumDrones

  /// A database or the authority.
  public struct Service: Hashable, Sendable {
    public let principal: Principal
    public let endpoint: Endpoint
    public let isReachable: Bool

    public init(principal: Principal, endpoint: Endpoint, isReachable: Bool) {
      self.principal = principal
      self.endpoint = endpoint
      self.isReachable = isReachable
    }
  }

  public let cluster: String
  public let term: Term
  public let commander: Principal
  public let mapVersion: UInt64
  /// Slots that a drone under a lease reports to be serving, of 16,384.
  public let slotsServed: Int
  /// Slots all of whose shadows are in sync.
  public let slotsShadowed: Int
  /// Slots that are on their way to another drone.
  public let slotsMoving: Int
  /// Slots that are not served because acknowledged writes may be in the memory of drones that are not there.
  public let slotsAwaitingCopies: Int
  /// In order of principal.
  public let drones: [Drone]
  public let databases: [Service]
  public let authorities: [Service]
  /// In order of drone and life.
  public let losses: [Loss]

  public init(
    cluster: String, term: Term, commander: Principal, mapVersion: UInt64, slotsServed: Int,
    slotsShadowed: Int = 0, slotsMoving: Int = 0, slotsAwaitingCopies: Int = 0, drones: [Drone],
    databases: [Service], authorities: [Service], losses: [Loss] = []
  ) {
    self.cluster = cluster
    self.term = term
    self.commander = commander
    self.mapVersion = mapVersion
    self.slotsServed = slotsServed
    self.slotsShadowed = slotsShadowed
    self.slotsMoving = slotsMoving
    self.slotsAwaitingCopies = slotsAwaitingCopies
    self.drones = drones
    self.databases = databases
    self.authorities = authorities
    self.losses = losses
  }
}

extension ClusterStatus.Drone: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(8)
    principal.encode(into: &writer)
    endpoint.encode(into: &writer)
    writer.write(unsigned: state.rawValue)
    writer.write(unsigned: UInt64(slots))
    writer.write(unsigned: UInt64(shadowing))
    writer.write(unsigned: behind)
    writer.write(unsigned: backlog)
    memory.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 8)
    let principal = try Principal(from: &reader)
    let endpoint = try Endpoint(from: &reader)
    let raw = try reader.readUnsigned()
    guard let state = State(rawValue: raw) else { throw .unknownValue(field: "state", value: raw) }
    self.init(
      principal: principal, endpoint: endpoint, state: state,
      slots: Int(try reader.readUnsigned(as: UInt16.self, field: "slots")),
      shadowing: Int(try reader.readUnsigned(as: UInt16.self, field: "slots")),
      behind: try reader.readUnsigned(), backlog: try reader.readUnsigned(),
      memory: try MemoryUse(from: &reader))
  }
}

extension ClusterStatus.Loss: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    drone.encode(into: &writer)
    partitions.encode(into: &writer)
    journal.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      drone: try Principal(from: &reader), partitions: try PartitionSet(from: &reader),
      journal: try JournalLoss(from: &reader))
  }
}

extension ClusterStatus.Service: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    principal.encode(into: &writer)
    endpoint.encode(into: &writer)
    writer.write(bool: isReachable)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      principal: try Principal(from: &reader), endpoint: try Endpoint(from: &reader),
      isReachable: try reader.readBool())
  }
}

extension ClusterStatus: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(12)
    writer.write(text: cluster)
    term.encode(into: &writer)
    commander.encode(into: &writer)
    writer.write(unsigned: mapVersion)
    for count in [slotsServed, slotsShadowed, slotsMoving, slotsAwaitingCopies] {
      writer.write(unsigned: UInt64(count))
    }
    writer.write(drones)
    writer.write(databases)
    writer.write(authorities)
    writer.write(losses)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 12)
    self.init(
      cluster: try reader.readText(), term: try Term(from: &reader), commander: try Principal(from: &reader),
      mapVersion: try reader.readUnsigned(),
      slotsServed: Int(try reader.readUnsigned(as: UInt16.self, field: "slots")),
      slotsShadowed: Int(try reader.readUnsigned(as: UInt16.self, field: "slots")),
      slotsMoving: Int(try reader.readUnsigned(as: UInt16.self, field: "slots")),
      slotsAwaitingCopies: Int(try reader.readUnsigned(as: UInt16.self, field: "slots")),
      drones: try reader.readMessages(Drone.self, maximum: SlotMap.maximumDrones),
      databases: try reader.readMessages(Service.self, maximum: SlotMap.maximumDrones),
      authorities: try reader.readMessages(Service.self, maximum: SlotMap.maximumDrones),
      losses: try reader.readMessages(Loss.self, maximum: Self.mostLosses))
  }
}
