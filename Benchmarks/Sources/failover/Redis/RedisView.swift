import Keyval
import Measuring

/// Redis Cluster as its clients see it.
struct RedisView: View {
  private let nodes: [RedisAddress]
  private let topology: RedisTopology
  private let deadline: Duration

  /// - Parameter deadline: how long a caller's request is tried.
  init(of nodes: [RedisAddress], deadline: Duration) {
    self.nodes = nodes
    topology = RedisTopology(nodes: nodes)
    self.deadline = deadline
  }

  func store(_ caller: Int) -> any Store { RedisStore(topology: topology, deadline: deadline) }

  func awaitAnswers() async throws {
    for node in nodes {
      try await eventually("\(node) answers", within: .seconds(10)) {
        try await Self.ask(node, "PING") == .simple("PONG")
      }
    }
  }

  /// Waits until all nodes know each other as alive, every slot has a master, and every master a replica that is up
  /// to date.
  func awaitWhole() async throws {
    try await eventually("the Redis cluster is whole", within: .seconds(90), every: .milliseconds(50)) {
      var replicas = 0
      for node in nodes {
        let (cluster, links, replication) = (
          try await Self.text(node, "CLUSTER", "INFO"), try await Self.text(node, "CLUSTER", "NODES"),
          try await Self.text(node, "INFO", "replication")
        )
        guard cluster.contains("cluster_state:ok"), cluster.contains("cluster_slots_ok:\(Slot.count)"),
          cluster.contains("cluster_size:\(RedisCluster.masters)"), !links.contains("fail"),
          !links.contains("disconnected")
        else { return false }
        if replication.contains("role:slave") {
          guard replication.contains("master_link_status:up"),
            replication.contains("master_sync_in_progress:0")
          else { return false }
          replicas += 1
        } else {
          guard replication.contains("connected_slaves:1"), replication.contains("state=online") else {
            return false
          }
        }
      }
      return replicas == RedisCluster.masters
    }
  }

  /// A master, by its port.
  func victim(among tags: [String]) async throws -> (name: String, tags: Set<String>) {
    await topology.refresh(after: topology.owner(of: "").version)
    var owned: [RedisAddress: Set<String>] = [:]
    for tag in tags {
      guard let owner = await topology.owner(of: "{\(tag)}").address else { continue }
      owned[owner, default: []].insert(tag)
    }
    guard let victim = owned.randomElement() else { throw BenchmarkError("there is no master") }
    return (String(victim.key.port), victim.value)
  }

  private static func ask(_ node: RedisAddress, _ words: String...) async throws -> RESP {
    let connection = try await RedisConnection(to: node)
    defer { connection.close() }
    switch words.count {
    case 1: return try await connection.send(words[0])
    default: return try await connection.send(words[0], words[1])
    }
  }

  private static func text(_ node: RedisAddress, _ first: String, _ second: String) async throws -> String {
    guard case .bulk(let text?) = try await ask(node, first, second) else {
      throw BenchmarkError("\(first) \(second) is not answered")
    }
    return text
  }
}
