import Foundation

/// Redis for the trials that both stores go through.
struct RedisSystem: System {
  let cluster: RedisCluster
  private let topology: RedisTopology
  private let deadline: Duration

  init(_ cluster: RedisCluster, deadline: Duration) {
    self.cluster = cluster
    topology = RedisTopology(nodes: cluster.nodes)
    self.deadline = deadline
  }

  func store(_ caller: Int) -> any Store { RedisStore(topology: topology, deadline: deadline) }

  func awaitWhole() async throws { try await cluster.awaitWhole() }

  /// A master.
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

  private func node(_ name: String) throws -> RedisAddress {
    guard let node = cluster.nodes.first(where: { String($0.port) == name }) else {
      throw BenchmarkError("there is no node \(name)")
    }
    return node
  }

  func send(_ signal: Int32, to name: String) async throws {
    try await ProcessState.await(signal, at: cluster.send(signal, to: node(name)))
  }

  func restart(_ name: String) throws { try cluster.start(node(name)) }
}
