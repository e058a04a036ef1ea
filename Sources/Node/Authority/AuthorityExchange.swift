import Cluster
import Kerberos
import NIOPosix
import Sessions
import Transport
import Wire

/// One question to the authority and its answer, over a session with an administrator's own ticket.
struct AuthorityExchange: Sendable {
  let cluster: String
  /// Principal and address, from a configuration and not from a hello.
  let authority: RegisteredNode
  /// Where to ask when nobody can be reached there; nil: nowhere.
  let standby: Endpoint?
  let credential: InitiatorCredential

  /// - Parameters:
  ///   - seconds: how long to wait for the answer.
  ///   - pick: takes the answer out of what comes.
  /// - Returns: nil when there was no answer.
  /// - Throws: `TransportError` when the authority cannot be reached, `NodeError.unavailable` when it refuses to
  ///   talk about it or answers what cannot be read.
  func ask<Answer: Sendable>(
    _ question: ControlMessage, within seconds: Int64,
    _ pick: @escaping @Sendable (ControlMessage) -> Answer?
  ) async throws -> Answer? {
    let wait = AnswerBox<Answer>()
    let session = try await dial { _, _ in ExchangeSession(question, wait, pick) }
    let timer = session.eventLoop.scheduleTask(in: .seconds(seconds)) { wait.fill(.none) }
    let result = await wait.value()
    timer.cancel()
    session.close()
    switch result {
    case .answer(let answer): return answer
    case .none: return nil
    case .refused(let reason):
      throw NodeError.unavailable(
        subject: "\(authority.principal)", problem: "refuses: \(reason)", remedy: "Nothing was changed.")
    case .unreadable(let reason):
      throw NodeError.unavailable(
        subject: "\(authority.principal)", problem: "answers what cannot be read (\(reason))",
        remedy: "Use the same version of Keyval here and there.")
    }
  }

  /// A session with the active authority: nothing was asked yet where none could be opened.
  private func dial(_ handler: @escaping SessionHandlerFactory) async throws -> SessionReference {
    let credential = credential
    func dial(_ endpoint: Endpoint) async throws -> SessionReference {
      try await SessionDialer(cluster: cluster).dial(
        authority.principal.text, at: NodeAddress(host: endpoint.host, port: Int(endpoint.port)),
        on: MultiThreadedEventLoopGroup.singleton.next(),
        credential: { () throws(KerberosError) in credential }, handler: handler)
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

private enum ExchangeResult<Answer: Sendable>: Sendable {
  case answer(Answer)
  case refused(String)
  /// What came is no message that is known here.
  case unreadable(String)
  case none
}

/// Sends the question and waits for its answer.
private final class ExchangeSession<Answer: Sendable>: SessionHandler {
  private let question: ControlMessage
  private let box: AnswerBox<Answer>
  private let pick: @Sendable (ControlMessage) -> Answer?

  init(
    _ question: ControlMessage, _ box: AnswerBox<Answer>,
    _ pick: @escaping @Sendable (ControlMessage) -> Answer?
  ) {
    self.question = question
    self.box = box
    self.pick = pick
  }

  func sessionOpened(_ session: Session) {
    do {
      try session.write { question.encode(into: &$0) }
      session.flush()
    } catch {
      box.fill(.none)
    }
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    do {
      for message in try ControlMessage.sequence([UInt8](messages)) {
        if let answer = pick(message) { return box.fill(.answer(answer)) }
        if case .refused(let refusal) = message { return box.fill(.refused(refusal.reason)) }
      }
    } catch {
      box.fill(.unreadable("\(error)"))
    }
  }

  func closed(_ session: Session, error: SessionError?) { box.fill(.none) }
}

/// The first result.
private final class AnswerBox<Answer: Sendable>: Sendable {
  private let stream: AsyncStream<ExchangeResult<Answer>>
  private let continuation: AsyncStream<ExchangeResult<Answer>>.Continuation

  init() {
    (stream, continuation) = AsyncStream.makeStream(
      of: ExchangeResult<Answer>.self, bufferingPolicy: .bufferingOldest(1))
  }

  func fill(_ result: ExchangeResult<Answer>) {
    continuation.yield(result)
    continuation.finish()
  }

  func value() async -> ExchangeResult<Answer> {
    for await result in stream { return result }
    return .none
  }
}
