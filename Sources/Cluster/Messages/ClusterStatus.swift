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
    }

    public let principal: Principal
    public let endpoint: Endpoint
    public let state: State
    /// Slots that the map gives it.
    public let slots: Int

    public init(principal: Principal, endpoint: Endpoint, state: State, slots: Int) {
      self.principal = principal
      self.endpoint = endpoint
      self.state = state
      self.slots = slots
    }
  }

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
  /// In order of principal.
  public let drones: [Drone]
  public let databases: [Service]
  public let authorities: [Service]

  public init(
    cluster: String, term: Term, commander: Principal, mapVersion: UInt64, slotsServed: Int, drones: [Drone],
    databases: [Service], authorities: [Service]
  ) {
    self.cluster = cluster
    self.term = term
    self.commander = commander
    self.mapVersion = mapVersion
    self.slotsServed = slotsServed
    self.drones = drones
    self.databases = databases
    self.authorities = authorities
  }
}

extension ClusterStatus.Drone: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(4)
    principal.encode(into: &writer)
    endpoint.encode(into: &writer)
    writer.write(unsigned: state.rawValue)
    writer.write(unsigned: UInt64(slots))
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 4)
    let principal = try Principal(from: &reader)
    let endpoint = try Endpoint(from: &reader)
    let raw = try reader.readUnsigned()
    guard let state = State(rawValue: raw) else { throw .unknownValue(field: "state", value: raw) }
    self.init(
      principal: principal, endpoint: endpoint, state: state,
      slots: Int(try reader.readUnsigned(as: UInt16.self, field: "slots")))
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
    writer.beginArray(8)
    writer.write(text: cluster)
    term.encode(into: &writer)
    commander.encode(into: &writer)
    writer.write(unsigned: mapVersion)
    writer.write(unsigned: UInt64(slotsServed))
    writer.write(drones)
    writer.write(databases)
    writer.write(authorities)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 8)
    self.init(
      cluster: try reader.readText(), term: try Term(from: &reader), commander: try Principal(from: &reader),
      mapVersion: try reader.readUnsigned(),
      slotsServed: Int(try reader.readUnsigned(as: UInt16.self, field: "slots")),
      drones: try reader.readMessages(Drone.self, maximum: SlotMap.maximumDrones),
      databases: try reader.readMessages(Service.self, maximum: SlotMap.maximumDrones),
      authorities: try reader.readMessages(Service.self, maximum: SlotMap.maximumDrones))
  }
}
