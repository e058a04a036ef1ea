import Kerberos
import NIOCore
import Sessions

/// Takes an initiator's first step before it connects. It may have to wait for the KDC, and an acceptor gives a newcomer
/// little time for its first frame. Who has no ticket connects to nobody.
///
/// Everything happens on one event loop.
final class FirstStep {
  typealias Begun = (handshake: InitiatorHandshake, actions: [HandshakeAction])

  private var handshake: InitiatorHandshake
  private let steps: SecurityContextSteps
  private let eventLoop: any EventLoop
  private let time: TimeAmount
  private var completion: ((Result<Begun, TransportError>) -> Void)?
  private var timer: Scheduled<Void>?

  /// - Parameter completion: called once, on `eventLoop`.
  init(
    _ handshake: InitiatorHandshake, _ steps: SecurityContextSteps, limits: SessionLimits,
    on eventLoop: any EventLoop, completion: @escaping (Result<Begun, TransportError>) -> Void
  ) {
    self.handshake = handshake
    self.steps = steps
    self.eventLoop = eventLoop
    time = TimeAmount(limits.handshakeTime)
    self.completion = completion
  }

  func begin() {
    let actions = handshake.handle(.started)
    guard case .initiateSecurityContext(let target, let binding)? = actions.first else {
      return finish(.success((handshake, actions)))
    }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let eventLoop = eventLoop
    timer = eventLoop.scheduleTask(in: time) { bound.value.finish(.failure(.session(.timedOut))) }
    steps.run(
      { $0.initiate(target: target, channelBinding: binding) }, isWanted: { true },
      completion: { result in eventLoop.execute { bound.value.ended(result) } })
  }

  private func ended(_ result: SecurityContextSteps.Result) {
    switch result {
    case .failure(let error): finish(.failure(error.map(TransportError.kerberos) ?? .cancelled))
    case .displaced: finish(.failure(.session(.tooManyConnections)))
    case .event(let event):
      let actions = handshake.handle(event)
      if case .close(let error?)? = actions.first { return finish(.failure(.session(error))) }
      finish(.success((handshake, actions)))
    }
  }

  private func finish(_ result: Result<Begun, TransportError>) {
    timer?.cancel()
    completion?(result)
    completion = nil
  }
}
