/// Redis for the trials that both stores go through.
struct RedisSystem: System {
  let cluster: RedisCluster
  let view: any View

  /// - Parameter deadline: how long a caller's request is tried.
  init(_ cluster: RedisCluster, deadline: Duration) {
    self.cluster = cluster
    view = RedisView(of: cluster.nodes, deadline: deadline)
  }

  func send(_ signal: Int32, to name: String) async throws {
    try await ProcessState.await(signal, at: cluster.send(signal, to: cluster.node(name)))
  }

  func restart(_ name: String) throws { try cluster.start(cluster.node(name)) }
}
