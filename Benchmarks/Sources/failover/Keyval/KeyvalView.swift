import Keyval
import LocalCluster
import Measuring

/// Keyval as its clients see it, with the first user's ticket.
struct KeyvalView: View {
  let directory: ClusterDirectory
  /// The callers share these clients.
  let clients: [KeyvalClient]
  private static let clientCount = 4

  /// - Parameter deadline: how long a caller's request is tried.
  init(of directory: ClusterDirectory, deadline: Duration) throws {
    self.directory = directory
    clients = try (0..<Self.clientCount).map { _ in
      try Self.client(of: directory, deadline: deadline)
    }
  }

  /// With the suspicion that fits the cluster's heartbeat.
  static func client(of directory: ClusterDirectory, deadline: Duration = .seconds(10)) throws
    -> KeyvalClient
  {
    var configuration = try ClientConfiguration.load(path: directory.clientConfiguration)
    configuration.credentialCache = "FILE:\(directory.cache(of: "alice"))"
    configuration.deadline = deadline
    return try KeyvalClient(configuration: configuration)
  }

  /// One that carries no load.
  private var operatorsClient: KeyvalClient { clients[0] }

  func store(_ caller: Int) -> any Store { KeyvalStore(client: clients[1 + caller % (clients.count - 1)]) }

  /// Nodes of Keyval are asked for nothing before they serve together.
  func awaitAnswers() {}

  func awaitWhole() async throws { try await KeyvalCluster.awaitWhole(by: operatorsClient) }

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
    let client = try Self.client(of: directory)
    defer { client.close() }
    var own: Set<String> = []
    for tag in tags where try await client.locate("{\(tag)}").owner?.principal == drone {
      own.insert(tag)
    }
    guard !own.isEmpty else { throw BenchmarkError("\(drone) has none of the keys") }
    return own
  }

  func close() { for client in clients { client.close() } }
}
