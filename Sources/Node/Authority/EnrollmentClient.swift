import Cluster
import Kerberos

/// The operator's side of an enrollment: asks the authority, over a session with the operator's own ticket, for
/// a node's one-time password.
public struct EnrollmentClient: Sendable {
  /// What the node needs to make its own key. Show it to the operator, and keep it nowhere.
  public struct Invitation: Sendable, CustomStringConvertible, CustomReflectable {
    public let node: Principal
    public let password: String
    public let secondsToLive: UInt64

    public var description: String { "an invitation for \(node)" }
    public var customMirror: Mirror { Mirror(self, children: ["node": node]) }
  }

  private let exchange: AuthorityExchange

  /// - Parameters:
  ///   - authority: principal and address, from a configuration and not from a hello.
  ///   - standby: where to ask when nobody can be reached there.
  ///   - credential: of an administrator, `InitiatorCredential.fromCache`.
  public init(
    cluster: String, authority: RegisteredNode, standby: Endpoint? = nil, credential: InitiatorCredential
  ) {
    exchange = AuthorityExchange(
      cluster: cluster, authority: authority, standby: standby, credential: credential)
  }

  /// Has the node's principal created.
  /// - Parameter seconds: how long to wait for the answer.
  /// - Throws: `TransportError` when the authority cannot be reached, `NodeError.unavailable` when it refuses or
  ///   does not answer.
  public func invite(_ node: Principal, within seconds: Int64 = 20) async throws -> Invitation {
    let request = EnrollmentRequest(number: .random(in: .min ... .max), principal: node)
    let answer = try await exchange.ask(.enrollmentRequest(request), within: seconds) { message in
      if case .enrollmentAnswer(let answer) = message, answer.number == request.number { answer } else { nil }
    }
    switch answer?.outcome {
    case .created(let password, let secondsToLive):
      return Invitation(node: node, password: password, secondsToLive: secondsToLive)
    case .refused(let reason):
      throw NodeError.unavailable(
        subject: "\(exchange.authority.principal)", problem: "does not enroll \(node): \(reason)",
        remedy: "Nothing was created.")
    case nil:
      throw NodeError.unavailable(
        subject: "\(exchange.authority.principal)", problem: "gave no answer to the enrollment of \(node)",
        remedy: "Are you among the ‘administrators’ in its configuration? Its log says more.")
    }
  }
}
