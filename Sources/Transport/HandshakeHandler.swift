import Kerberos
import NIOCore
import NIOPosix
import Sessions

/// Runs one handshake on a channel, then puts the session in its own place.
///
/// The state machines of Sessions decide; this performs: frames on the channel, GSSAPI on its threads, the
/// timer on the event loop.
final class HandshakeHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = Never
  typealias OutboundOut = ByteBuffer

  /// How a handshake ended. Called once, on the event loop.
  enum Outcome {
    case established(Session)
    case described(NodeDescription)
    /// The acceptor has answered a bare hello.
    case answered
    /// The peer has proved who it is, but nobody here talks with it.
    case refused(Session)
    case failed(TransportError)
  }

  private enum Core {
    case initiator(InitiatorHandshake)
    case acceptor(AcceptorHandshake)
  }

  private var core: Core
  private let steps: SecurityContextSteps
  private let limits: SessionLimits
  private let makeHandler: SessionHandlerFactory
  private var report: ((Outcome) -> Void)?

  private var received = ByteBuffer()
  private var timer: Scheduled<Void>?
  /// The channel's own context while this handler is in the pipeline.
  private var context: ChannelHandlerContext?
  /// A step runs on another thread: nothing is read, so a peer cannot fill our memory meanwhile.
  private var isBusy = false
  private var isReadWanted = false
  private var hasStarted = false
  private var isOver = false
  private var kerberosError: KerberosError?

  init(
    acceptor: AcceptorHandshake, steps: SecurityContextSteps, limits: SessionLimits,
    makeHandler: @escaping SessionHandlerFactory, report: @escaping (Outcome) -> Void
  ) {
    core = .acceptor(acceptor)
    self.steps = steps
    self.limits = limits
    self.makeHandler = makeHandler
    self.report = report
  }

  init(
    initiator: InitiatorHandshake, steps: SecurityContextSteps, limits: SessionLimits,
    makeHandler: @escaping SessionHandlerFactory, report: @escaping (Outcome) -> Void
  ) {
    core = .initiator(initiator)
    self.steps = steps
    self.limits = limits
    self.makeHandler = makeHandler
    self.report = report
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: TimeAmount(limits.handshakeTime)) {
      bound.value.advance(.timedOut)
    }
    if context.channel.isActive { start() }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    advance(.connectionLost("the connection ended during the handshake"))
    timer?.cancel()
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    start()
    context.fireChannelActive()
  }

  /// Whichever comes first: being put into an active channel, or the channel becoming active.
  private func start() {
    guard !hasStarted else { return }
    hasStarted = true
    advance(.started)
  }

  func channelInactive(context: ChannelHandlerContext) {
    advance(.connectionLost("the other side, or the network, ended the connection during the handshake"))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    advance(.connectionLost("\(error)"))
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is CloseSession { finish(.failed(.cancelled)) }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isOver else { return context.fireChannelRead(data) }
    var bytes = unwrapInboundIn(data)
    received.writeBuffer(&bytes)
    receiveFrames()
  }

  func read(context: ChannelHandlerContext) {
    if isBusy { isReadWanted = true } else { context.read() }
  }

  private func receiveFrames() {
    while !isOver, !isBusy {
      let length: Int?
      do throws(SessionError) {
        length = try frameLength()
      } catch { return finish(.failed(.session(error))) }
      guard let length, received.readableBytes >= 4 + length else { return }
      received.moveReaderIndex(forwardBy: 4)
      guard let frame = received.readBytes(length: length) else { return }
      advance(.frameReceived(frame))
    }
  }

  private func frameLength() throws(SessionError) -> Int? {
    let core = core
    return try received.withUnsafeReadableBytes { bytes in
      Result { () throws(SessionError) in
        switch core {
        case .initiator(let handshake): try handshake.frameLength(in: bytes)
        case .acceptor(let handshake): try handshake.frameLength(in: bytes)
        }
      }
    }.get()
  }

  private func advance(_ event: HandshakeEvent) {
    guard !isOver else { return }
    let actions: [HandshakeAction]
    switch core {
    case .initiator(var handshake):
      actions = handshake.handle(event)
      core = .initiator(handshake)
    case .acceptor(var handshake):
      actions = handshake.handle(event)
      core = .acceptor(handshake)
    }
    for action in actions { perform(action) }
    context?.flush()
  }

  private func perform(_ action: HandshakeAction) {
    guard let context, !isOver else { return }
    switch action {
    case .sendFrame(let bytes):
      context.write(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
    case .initiateSecurityContext(let target, let binding):
      run { steps in steps.initiate(target: target, channelBinding: binding) }
    case .continueSecurityContext(let token):
      run { steps in steps.resume(token: token) }
    case .acceptSecurityContext(let service, let token, let binding):
      run { steps in steps.accept(service: service, token: token, channelBinding: binding) }
    case .computePseudoRandom(let input, let length):
      run { steps in steps.pseudoRandom(input: input, length: length) }
    case .establish(let established): establish(established, context)
    case .describe(let description): finish(.described(description))
    case .close(let error):
      let kerberosError = kerberosError
      switch error {
      case .securityContextFailed where kerberosError != nil:
        finish(.failed(kerberosError.map(TransportError.kerberos) ?? .cancelled))
      case .some(let error): finish(.failed(.session(error)))
      case nil: finish(.answered)
      }
    }
  }

  /// Takes a step on its thread, and comes back with the event.
  private func run(_ step: @escaping @Sendable (SecurityContextSteps) -> SecurityContextSteps.Result) {
    guard let context else { return }
    isBusy = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let channel = context.channel
    let eventLoop = context.eventLoop
    let steps = steps
    steps.threads.submit { state in
      // A peer that is gone costs no Kerberos any more.
      guard case .active = state, channel.isActive else {
        return eventLoop.execute { bound.value.resume(.failure(nil)) }
      }
      let result = step(steps)
      eventLoop.execute { bound.value.resume(result) }
    }
  }

  private func resume(_ result: SecurityContextSteps.Result) {
    isBusy = false
    guard !isOver else { return }
    switch result {
    case .event(let event): advance(event)
    case .failure(let error):
      kerberosError = error
      advance(
        .securityContextFailed(
          error?.description ?? "the connection ended", error.map(TicketComplaint.init) ?? .notAccepted))
    }
    receiveFrames()
    if isReadWanted, !isBusy, let context {
      isReadWanted = false
      context.read()
    }
  }

  private func establish(_ established: EstablishedSession, _ context: ChannelHandlerContext) {
    let session = Session(
      established, eventLoop: context.eventLoop,
      remoteAddress: context.remoteAddress.map { "\($0)" } ?? "an unknown address", limits: limits)
    guard let handler = makeHandler(established.identity, context.eventLoop) else {
      return refuse(session, context)
    }
    let channelHandler = SessionChannelHandler(
      session: session, opener: established.opener, handler: handler)
    do {
      try context.pipeline.syncOperations.addHandler(channelHandler, position: .after(self))
    } catch { return finish(.failed(.session(.connectionLost("\(error)")))) }
    let rest = received
    received = ByteBuffer()
    timer?.cancel()
    isOver = true
    // The handler's first messages follow the last frame that was written, and leave with it.
    channelHandler.open()
    context.flush()
    report?(.established(session))
    report = nil
    if rest.readableBytes > 0 {
      context.fireChannelRead(wrapInboundOut(rest))
      context.fireChannelReadComplete()
    }
    // A read that was held back while a step ran is still owed.
    if isReadWanted { context.read() }
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }

  /// Authenticated, but nobody here wants to talk with this peer.
  private func refuse(_ session: Session, _ context: ChannelHandlerContext) {
    session.context = context
    session.close(.notAuthorized)
    session.context = nil
    isOver = true
    timer?.cancel()
    report?(.refused(session))
    report = nil
  }

  private func finish(_ outcome: Outcome) {
    guard !isOver else { return }
    isOver = true
    timer?.cancel()
    received = ByteBuffer()
    if let context {
      context.flush()
      context.close(promise: nil)
    }
    report?(outcome)
    report = nil
  }
}
