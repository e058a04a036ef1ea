import Foundation
import Keyval

/// Keyval for the trials that both stores go through.
struct KeyvalSystem: System {
  let cluster: KeyvalCluster
  /// The callers share these clients.
  let clients: [KeyvalClient]
  private static let clientCount = 4

  /// - Parameter deadline: how long a caller's request is tried.
  init(_ cluster: KeyvalCluster, deadline: Duration) throws {
    self.cluster = cluster
    clients = try (0..<Self.clientCount).map { _ in try cluster.client(deadline: deadline) }
  }

  /// One that carries no load.
  private var operatorsClient: KeyvalClient { clients[0] }

  func store(_ caller: Int) -> any Store { KeyvalStore(client: clients[1 + caller % (clients.count - 1)]) }

  func awaitWhole() async throws { try await cluster.awaitWhole(by: operatorsClient) }

  /// Not the commander: its death is measured by itself.
  func victim(among tags: [String]) async throws -> (name: String, tags: Set<String>) {
    let status = try await operatorsClient.status()
    let candidates = status.drones.map(\.principal).filter { $0 != status.commander }
    guard let victim = candidates.randomElement(), let name = victim.instance else {
      throw BenchmarkError("there is no drone that is not the commander")
    }
    return (name, try await self.tags(of: victim, among: tags))
  }

  /// Asks with a new client: one that has been idle may have a map of before the last trial.
  func tags(of drone: Principal, among tags: [String]) async throws -> Set<String> {
    let client = try cluster.client(deadline: .seconds(10))
    defer { client.close() }
    var own: Set<String> = []
    for tag in tags where try await client.locate("{\(tag)}").owner?.principal == drone {
      own.insert(tag)
    }
    guard !own.isEmpty else { throw BenchmarkError("\(drone) has none of the keys") }
    return own
  }

  func send(_ signal: Int32, to name: String) async throws {
    try await ProcessState.await(signal, at: cluster.send(signal, to: name))
    if signal == SIGKILL { try await cluster.awaitEnd(of: name) }
  }

  func restart(_ name: String) throws { try cluster.restart(name) }

  func closeClients() { for client in clients { client.close() } }
}
