import Cluster
import Kerberos
import NIOPosix
import Sessions
import Transport
import Wire

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

  private let cluster: String
  private let authority: RegisteredNode
  private let standby: Endpoint?
  private let credential: InitiatorCredential

  /// - Parameters:
  ///   - authority: principal and address, from a configuration and not from a hello.
  ///   - standby: where to ask when nobody can be reached there.
  ///   - credential: of an administrator, `InitiatorCredential.fromCache`.
  public init(
    cluster: String, authority: RegisteredNode, standby: Endpoint? = nil, credential: InitiatorCredential
  ) {
    self.cluster = cluster
    self.authority = authority
    self.standby = standby
    self.credential = credential
  }

  /// Has the node's principal created.
  /// - Parameter seconds: how long to wait for the answer.
  /// - Throws: `TransportError` when the authority cannot be reached, `NodeError.unavailable` when it refuses or
  ///   does not answer.
  public func invite(_ node: Principal, within seconds: Int64 = 20) async throws -> Invitation {
    let request = EnrollmentRequest(number: .random(in: .min ... .max), principal: node)
    let wait = AnswerBox()
    let session = try await dial(request, wait)
    let timer = session.eventLoop.scheduleTask(in: .seconds(seconds)) { wait.fill(nil) }
    let answer = await wait.value()
    timer.cancel()
    session.close()
    switch answer?.outcome {
    case .created(let password, let secondsToLive):
      return Invitation(node: node, password: password, secondsToLive: secondsToLive)
    case .refused(let reason):
      throw NodeError.unavailable(
        subject: "\(authority.principal)", problem: "does not enroll \(node): \(reason)",
        remedy: "Nothing was created.")
    case nil:
      throw NodeError.unavailable(
        subject: "\(authority.principal)", problem: "gave no answer to the enrollment of \(node)",
        remedy: "Are you among the ‘administrators’ in its configuration? Its log says more.")
    }
  }
}

extension EnrollmentClient {
  /// A session with the active authority: nothing was asked yet where none could be opened.
  private func dial(_ request: EnrollmentRequest, _ wait: AnswerBox) async throws -> SessionReference {
    let credential = credential
    func dial(_ endpoint: Endpoint) async throws -> SessionReference {
      try await SessionDialer(cluster: cluster).dial(
        authority.principal.text, at: NodeAddress(host: endpoint.host, port: Int(endpoint.port)),
        on: MultiThreadedEventLoopGroup.singleton.next(),
        credential: { () throws(KerberosError) in credential },
        handler: { _, _ in EnrollmentSession(request, wait) })
    }
    do {
      return try await dial(authority.endpoint)
    } catch let error as TransportError {
      guard let standby, error.isUnreached else { throw error }
      return try await dial(standby)
    }
  }
}

extension TransportError {
  /// Nobody answered there, or not in time: what another address may mend.
  fileprivate var isUnreached: Bool {
    switch self {
    case .connectFailed, .session(.timedOut), .session(.connectionLost): true
    default: false
    }
  }
}

/// Sends the request and waits for its answer.
private final class EnrollmentSession: SessionHandler {
  private let request: EnrollmentRequest
  private let box: AnswerBox

  init(_ request: EnrollmentRequest, _ box: AnswerBox) {
    self.request = request
    self.box = box
  }

  func sessionOpened(_ session: Session) {
    do {
      try session.write { ControlMessage.enrollmentRequest(request).encode(into: &$0) }
      session.flush()
    } catch {
      box.fill(nil)
    }
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    for case .enrollmentAnswer(let answer) in (try? ControlMessage.sequence([UInt8](messages))) ?? []
    where answer.number == request.number {
      box.fill(answer)
    }
  }

  func closed(_ session: Session, error: SessionError?) { box.fill(nil) }
}

/// The first answer, or none.
private final class AnswerBox: Sendable {
  private let stream: AsyncStream<EnrollmentAnswer?>
  private let continuation: AsyncStream<EnrollmentAnswer?>.Continuation

  init() {
    (stream, continuation) = AsyncStream.makeStream(
      of: EnrollmentAnswer?.self, bufferingPolicy: .bufferingOldest(1))
  }

  func fill(_ answer: EnrollmentAnswer?) {
    continuation.yield(answer)
    continuation.finish()
  }

  func value() async -> EnrollmentAnswer? {
    for await answer in stream { return answer }
    return nil
  }
}
