import Cluster
import ClusterFixture
import Kerberos
import NIOPosix
import Sessions
import Synchronization
import Transport

/// A session with a database's command service, with whatever ticket the test has got hold of.
final class CommandSession: Sendable {
  private struct State {
    var received: [ControlMessage] = []
    var isClosed = false
    var error: SessionError?
  }
  private let state = Mutex(State())

  private final class Handler: SessionHandler {
    private let owner: CommandSession
    init(_ owner: CommandSession) { self.owner = owner }

    func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
      let messages = (try? ControlMessage.sequence(Array(messages))) ?? []
      owner.state.withLock { $0.received += messages }
    }

    func closed(_ session: Session, error: SessionError?) {
      owner.state.withLock {
        $0.isClosed = true
        $0.error = error
      }
    }
  }

  /// Dials `keyval-command/db1`.
  static func dial(
    _ cluster: ClusterFixture, with ticket: InitiatorCredential
  ) async throws(TransportError) -> (CommandSession, SessionReference) {
    let session = CommandSession()
    let endpoint = (try? cluster.process("db1"))?.address ?? ""
    let parts = endpoint.split(separator: ":")
    let address = NodeAddress(host: String(parts.first ?? ""), port: Int(parts.last ?? "") ?? 0)
    let reference = try await SessionDialer(cluster: "test").dial(
      cluster.principal("keyval-command/db1"), at: address, on: MultiThreadedEventLoopGroup.singleton.next(),
      credential: { ticket }, handler: { _, _ in Handler(session) })
    return (session, reference)
  }

  var received: [ControlMessage] { state.withLock { $0.received } }
  var isClosed: Bool { state.withLock { $0.isClosed } }
}
