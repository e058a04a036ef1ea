import Cluster
import Sessions
import Synchronization

/// What the authority says of itself in its hello: written by the control loop, read by the listener.
final class AuthorityHello: Sendable {
  private let stored: Mutex<NodeDescription>

  init(_ configuration: NodeConfiguration) {
    stored = Mutex(
      NodeDescription(
        cluster: configuration.cluster, realm: configuration.realm,
        principals: [configuration.principal.text], role: "authority", softwareVersion: NodeVersion.text,
        commanderHint: nil, address: "\(configuration.endpoint(boundPort: configuration.listen.port))"))
  }

  var description: NodeDescription { stored.withLock { $0 } }

  func setAddress(_ endpoint: Endpoint) { stored.withLock { $0.address = "\(endpoint)" } }
  func setCommander(_ principal: Principal?) { stored.withLock { $0.commanderHint = principal?.text } }
}
