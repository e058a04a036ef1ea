import Glibc
import Keyval

/// The way from the command line to the cluster that `KEYVAL_CONFIG` names.
enum ClientConnection {
  /// Runs the body with a client, and closes it. Throws `Failure` when no configuration is to be found.
  /// - Parameter level: what writes have to reach; nil: what the cluster is configured for.
  static func with<Result>(
    level: AcknowledgementLevel? = nil, _ body: (any Backend) async throws -> Result
  ) async throws -> Result {
    let client = try KeyvalClient(configuration: ClientConfiguration.load(path: try configurationPath()))
    defer { client.close() }
    return try await body(ClusterBackend(client: client, level: level))
  }

  /// `KEYVAL_CONFIG`, else the user's file, else the machine's.
  static func configurationPath(_ environment: [String: String] = ProcessEnvironment.all) throws -> String {
    if let named = environment["KEYVAL_CONFIG"], !named.isEmpty { return named }
    var usual: [String] = []
    if let directory = environment["XDG_CONFIG_HOME"], directory.hasPrefix("/") {
      usual.append("\(directory)/keyval/client.json")
    } else if let home = environment["HOME"], home.hasPrefix("/") {
      usual.append("\(home)/.config/keyval/client.json")
    }
    usual.append("/etc/keyval/client.json")
    if let found = usual.first(where: { access($0, F_OK) == 0 }) { return found }
    throw Failure(
      status: .configuration,
      sentence: "no cluster is known: set KEYVAL_CONFIG to a client configuration (there is none at "
        + "\(usual.joined(separator: " or "))); keyval cluster env prints it for a local cluster")
  }
}
