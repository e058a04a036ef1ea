import Wire

/// Who serves what, as the commander of a term published it. Signed with the election key
/// (`SignedSlotMap`); clients dial only principals and addresses of a map so signed.
public struct SlotMap: Hashable, Sendable {
  public struct Drone: Hashable, Sendable {
    public let principal: Principal
    public let endpoint: Endpoint
    /// The life of it that an operator is having emptied, and that is given nothing; its next one is given work.
    public let draining: Incarnation?

    public init(principal: Principal, endpoint: Endpoint, draining: Incarnation? = nil) {
      self.principal = principal
      self.endpoint = endpoint
      self.draining = draining
    }
  }

  public static let maximumDrones = 512
  /// Shadows of a partition: two, and one more while it moves.
  public static let maximumShadows = 3

  public let cluster: String
  public let term: Term
  /// Counts up within a term; (term, version) orders all maps of a cluster.
  public let version: UInt64
  /// Seconds since 1970 after which nobody should go by this map.
  public let expiry: Int64
  public let commander: Principal
  public let drones: [Drone]
  /// For each partition the position of its owner in `drones`; nil when nobody owns it.
  public let owners: [Int?]
  /// For each partition the positions of the drones that are to shadow it, in order of preference.
  public let shadows: [[Int]]

  /// Nil unless there is an owner entry for each partition and each points into `drones`, as the shadows do.
  /// - Parameter shadows: nil: there are none.
  public init?(
    cluster: String, term: Term, version: UInt64, expiry: Int64, commander: Principal, drones: [Drone],
    owners: [Int?], shadows: [[Int]]? = nil
  ) {
    let shadows = shadows ?? [[Int]](repeating: [], count: Partition.count)
    guard owners.count == Partition.count, drones.count <= Self.maximumDrones,
      owners.allSatisfy({ $0.map(drones.indices.contains) ?? true }), shadows.count == Partition.count,
      shadows.allSatisfy({ $0.count <= Self.maximumShadows && $0.allSatisfy(drones.indices.contains) })
    else { return nil }
    self.cluster = cluster
    self.term = term
    self.version = version
    self.expiry = expiry
    self.commander = commander
    self.drones = drones
    self.owners = owners
    self.shadows = shadows
  }

  /// Who is to shadow a partition.
  public func shadows(of partition: Partition) -> [Drone] { shadows[partition.index].map { drones[$0] } }

  public func owner(of partition: Partition) -> Drone? {
    owners[partition.index].map { drones[$0] }
  }

  public func partitions(of principal: Principal) -> PartitionSet {
    PartitionSet(Partition.all.filter { owner(of: $0)?.principal == principal })
  }

  public func endpoint(of principal: Principal) -> Endpoint? {
    drones.first { $0.principal == principal }?.endpoint
  }

  public func isNewer(than other: SlotMap?) -> Bool {
    guard let other else { return true }
    return (term, version) > (other.term, other.version)
  }
}

extension SlotMap.Drone: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    principal.encode(into: &writer)
    endpoint.encode(into: &writer)
    writer.write(optional: draining)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      principal: try Principal(from: &reader), endpoint: try Endpoint(from: &reader),
      draining: try reader.readOptional(Incarnation.self))
  }
}

extension SlotMap: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(8)
    writer.write(text: cluster)
    term.encode(into: &writer)
    writer.write(unsigned: version)
    writer.write(integer: expiry)
    commander.encode(into: &writer)
    writer.write(drones)
    // 0 is nobody, n the n-th drone: most numbers take one byte.
    writer.beginArray(owners.count)
    for owner in owners { writer.write(unsigned: UInt64((owner ?? -1) + 1)) }
    writer.beginArray(shadows.count)
    for list in shadows {
      writer.beginArray(list.count)
      for shadow in list { writer.write(unsigned: UInt64(shadow + 1)) }
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 8)
    let cluster = try reader.readText()
    let term = try Term(from: &reader)
    let version = try reader.readUnsigned()
    let expiry = try reader.readInteger()
    let commander = try Principal(from: &reader)
    let drones = try reader.readMessages(Drone.self, maximum: Self.maximumDrones)
    try reader.readArrayHeader(exactly: Partition.count)
    var owners: [Int?] = []
    for _ in 0..<Partition.count {
      let number = try reader.readUnsigned(as: UInt16.self, field: "an owner")
      owners.append(number == 0 ? nil : Int(number) - 1)
    }
    try reader.readArrayHeader(exactly: Partition.count)
    var shadows: [[Int]] = []
    for _ in 0..<Partition.count {
      let count = try reader.readArrayHeader(maximum: Self.maximumShadows)
      var list: [Int] = []
      for _ in 0..<count { list.append(Int(try reader.readUnsigned(as: UInt16.self, field: "a shadow")) - 1) }
      shadows.append(list)
    }
    let offset = reader.offset
    guard
      let map = SlotMap(
        cluster: cluster, term: term, version: version, expiry: expiry, commander: commander, drones: drones,
        owners: owners, shadows: shadows)
    else { throw .outOfRange(field: "an owner or a shadow", offset: offset) }
    self = map
  }
}
