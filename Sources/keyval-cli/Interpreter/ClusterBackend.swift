import Keyval

/// The cluster itself, by the client library.
struct ClusterBackend: Backend {
  let client: KeyvalClient
  /// What writes have to reach; nil: what the cluster is configured for.
  var level: AcknowledgementLevel?

  func put(_ value: [UInt8], at key: [UInt8]) async throws { try await client.put(key, value, level: level) }
  func get(_ key: [UInt8]) async throws -> [UInt8]? { try await client.get(key) }
  func delete(_ key: [UInt8]) async throws -> Bool? { try await client.delete(key, level: level) }

  func locate(_ key: [UInt8]) async throws -> LocationReport {
    let location = try await client.locate(key)
    let owner = location.owner.map {
      LocationReport.Owner(name: $0.principal.shortName, address: $0.endpoint.description)
    }
    return LocationReport(slot: Int(location.slot.number), owner: owner)
  }

  func status() async throws -> StatusReport { StatusReport(try await client.status()) }
  func administer(_ order: AdministratorOrder, _ name: String) async throws -> AdministratorReply {
    try await client.administer(order, name)
  }
  func hello(_ address: String) async throws -> HelloReport { try await NodeGreeting.hello(address) }
}

/// Asking a node who it is needs neither a client nor a configuration.
enum NodeGreeting {
  static func hello(_ address: String) async throws -> HelloReport {
    guard let endpoint = Endpoint(address) else {
      throw Failure(
        status: .usage, sentence: "‘\(address)’ is no address; write host:port, such as 127.0.0.1:6234")
    }
    let hello = try await KeyvalClient.hello(endpoint)
    return HelloReport(
      address: hello.address, cluster: hello.cluster, role: hello.role, realm: hello.realm,
      principals: hello.principals, commander: hello.commander, version: hello.softwareVersion)
  }
}

extension StatusReport {
  init(_ status: ClusterStatus) {
    func node(_ service: ClusterStatus.Service) -> Node {
      Node(
        name: service.principal.shortName, address: service.endpoint.description,
        state: service.isReachable ? "reachable" : "unreachable")
    }
    self.init(
      cluster: status.cluster, realm: status.commander.realm, term: status.term.number,
      commander: status.commander.shortName, mapVersion: status.mapVersion, slotsTotal: Slot.count,
      slotsServed: status.slotsServed, slotsShadowed: status.slotsShadowed, slotsMoving: status.slotsMoving,
      slotsAwaitingCopies: status.slotsAwaitingCopies,
      losses: status.losses.map {
        StatusReport.Loss(
          drone: $0.drone.shortName, partitions: "\($0.partitions)", after: $0.journal.after,
          before: $0.journal.before)
      },
      drones: status.drones.map {
        Drone(
          name: $0.principal.shortName, address: $0.endpoint.description, state: "\($0.state)",
          slots: $0.slots, shadowing: $0.shadowing, millisecondsBehind: $0.behind,
          bytesBehind: $0.backlog, memory: $0.memory.used, memoryCeiling: $0.memory.ceiling,
          isFull: $0.memory.isFull)
      }, databases: status.databases.map(node), authority: status.authorities.first.map(node))
  }
}
