import Cluster
import Sessions
import Synchronization

/// What a node says of itself in its hello: written by its control loop, read by its listener.
final class HelloDescription: Sendable {
  private let stored: Mutex<NodeDescription>

  init(_ configuration: NodeConfiguration) {
    stored = Mutex(
      NodeDescription(
        cluster: configuration.cluster, realm: configuration.realm,
        principals: [configuration.principal.text], role: configuration.role.shortName,
        softwareVersion: NodeVersion.text,
        commanderHint: nil, address: "\(configuration.endpoint(boundPort: configuration.listen.port))"))
  }

  var description: NodeDescription { stored.withLock { $0 } }

  func setAddress(_ endpoint: Endpoint) { stored.withLock { $0.address = "\(endpoint)" } }
  func setCommander(_ principal: Principal?) { stored.withLock { $0.commanderHint = principal?.text } }
}
