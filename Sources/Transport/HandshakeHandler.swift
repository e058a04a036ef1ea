import Kerberos
import Logging
import NIOCore
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
    case refused(Session, SessionError)
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
  private let door: Threshold?
  private let held: HeldBytes

  private var received = ByteBuffer()
  private var timer: Scheduled<Void>?
  private var end = NIODeadline.distantFuture
  /// The channel's own context while this handler is in the pipeline.
  private var context: ChannelHandlerContext?
  /// A step runs on another thread: nothing is read, so a peer cannot fill our memory meanwhile.
  private var isBusy = false
  private var isReadWanted = false
  private var hasStarted = false
  private var isOver = false
  private var kerberosError: KerberosError?
  private var begun: [HandshakeAction] = []
  private var hasSpoken = false
  private var isRefused = false

  /// What an acceptor asks and is told on the way.
  struct Threshold {
    /// The first frame has come whole.
    var spoke: () -> Void
    /// Why a session may not stay; nil: it may.
    var admit: (Session, any Channel) -> TooManySessions?
    /// Whether the peer is one of this cluster's nodes.
    var isNode: (SessionIdentity) -> Bool
    var logger: Logger
  }

  init(
    acceptor: AcceptorHandshake, steps: SecurityContextSteps, limits: SessionLimits, held: HeldBytes,
    door: Threshold, makeHandler: @escaping SessionHandlerFactory, report: @escaping (Outcome) -> Void
  ) {
    core = .acceptor(acceptor)
    self.door = door
    self.held = held
    self.steps = steps
    self.limits = limits
    self.makeHandler = makeHandler
    self.report = report
  }

  /// - Parameter begun: what the handshake wants done once it is connected: it has taken its first step already.
  init(
    initiator: InitiatorHandshake, begun: [HandshakeAction], steps: SecurityContextSteps,
    limits: SessionLimits, held: HeldBytes, makeHandler: @escaping SessionHandlerFactory,
    report: @escaping (Outcome) -> Void
  ) {
    core = .initiator(initiator)
    self.begun = begun
    door = nil
    self.held = held
    self.steps = steps
    self.limits = limits
    self.makeHandler = makeHandler
    self.report = report
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    end = context.eventLoop.now + TimeAmount(limits.handshakeTime)
    let firstFrame = context.eventLoop.now + TimeAmount(limits.firstFrameTime)
    setTimer(door == nil ? end : min(firstFrame, end))
    if context.channel.isActive { start() }
  }

  private func setTimer(_ deadline: NIODeadline) {
    guard let context else { return }
    timer?.cancel()
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(deadline: deadline) { bound.value.advance(.timedOut) }
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
    guard door == nil else { return advance(.started) }
    for action in begun { perform(action) }
    begun = []
    context?.flush()
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
    if event is GiveWay { giveWay(context) }
    context.fireUserInboundEventTriggered(event)
  }

  private func giveWay(_ context: ChannelHandlerContext) {
    // One that is refused already waits for the peer to read that: no longer now. A session may stand by now, too.
    if isRefused { context.close(promise: nil) } else { advance(.displaced) }
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
      speak()
      advance(.frameReceived(frame))
    }
  }

  /// From here on the peer has the time of a handshake.
  private func speak() {
    guard !hasSpoken, let door else { return }
    hasSpoken = true
    setTimer(end)
    door.spoke()
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
      if let known = steps.foretell(service: service, token: token) { return resume(known) }
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
    steps.run(
      step, isWanted: { channel.isActive },
      completion: { result in eventLoop.execute { bound.value.resume(result) } })
  }

  private func resume(_ result: SecurityContextSteps.Result) {
    isBusy = false
    guard !isOver else { return }
    switch result {
    case .event(let event): advance(event)
    case .displaced: advance(.displaced)
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
      remoteAddress: context.remoteAddress.map { "\($0)" } ?? "an unknown address", limits: limits,
      held: held, isNode: door?.isNode(established.identity) ?? true, logger: door?.logger)
    guard let handler = makeHandler(established.identity, context.eventLoop) else {
      return refuse(session, context, .notAuthorized, .notAdmitted(established.identity.peer))
    }
    if let which = door?.admit(session, context.channel) {
      return refuse(session, context, .tooManySessions, .tooManySessions(which))
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

  /// Authenticated, but nobody here wants to talk with this peer, or there are too many.
  private func refuse(
    _ session: Session, _ context: ChannelHandlerContext, _ reason: SessionCloseReason, _ error: SessionError
  ) {
    session.context = context
    session.close(reason)
    session.context = nil
    isOver = true
    isRefused = true
    timer?.cancel()
    report?(.refused(session, error))
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
