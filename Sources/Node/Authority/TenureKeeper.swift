import Authority
import Cluster
import Cryptography
import Logging
import NIOCore
import NIOPosix
import Storage
import Synchronization

/// One attempt of this process to be the active authority: stands by, then holds the tenure until it is given back or
/// lost. Feeds the core (`Tenure`) on its event loop, and asks the register on a thread that nothing else keeps busy:
/// a renewal waits for nobody.
final class TenureKeeper: Sendable {
  enum Status: Sendable, Equatable { case standingBy, held, lost }

  let holder: Incarnation
  private let register: AuthorityRegister
  private let loop: any EventLoop
  private let logger: Logger
  private let wake: @Sendable () -> Void
  private let thread = NIOThreadPool(numberOfThreads: 1)
  private let current = Mutex(Status.standingBy)
  private let state: NIOLoopBoundBox<State>

  private struct State {
    var tenure: Tenure
    var timer: DeadlineTimer?
    /// Told each new end of the tenure.
    var extended: (Instant) -> Void = { _ in }
  }

  /// - Parameter wake: called when the status has changed.
  init(
    _ register: AuthorityRegister, timing: Timing, on loop: any EventLoop, logger: Logger,
    wake: @escaping @Sendable () -> Void
  ) {
    holder = Incarnation(SecureRandom.integer())
    self.register = register
    self.loop = loop
    self.logger = logger
    self.wake = wake
    let tenure = Tenure(holder: holder, timing: timing)
    state = .makeBoxSendingValue(State(tenure: tenure), eventLoop: loop)
    thread.start()
    loop.execute {
      self.state.value.timer = DeadlineTimer(on: loop) { [unowned self] _ in handle(.ticked) }
      self.handle(.ticked)
    }
  }

  var status: Status { current.withLock { $0 } }

  /// On the event loop: hands over each new end of the tenure from now on, and gives the present one.
  func observe(_ extended: @escaping (Instant) -> Void) -> Instant {
    state.value.extended = extended
    return state.value.tenure.until
  }

  /// Gives the tenure back, if it is held: whoever stands by takes over without waiting. Whatever else this process
  /// did as the active authority must have ended before.
  func release() async {
    loop.execute {
      self.state.value.timer?.cancel()
      self.state.value.timer = nil
    }
    let (register, holder) = (register, holder)
    do {
      try await thread.runIfActive { try register.releaseTenure(of: holder) }
    } catch {
      logger.warning(
        "the tenure was not given back: whoever stands by waits until it is over",
        metadata: [NodeLogging.Key.reason: "\(error)"])
    }
    try? await thread.shutdownGracefully()
  }

  private func handle(_ event: Tenure.Event) {
    let now = NodeClock.now()
    for action in state.value.tenure.handle(event, now: now) { perform(action) }
    state.value.timer?.wait(until: state.value.tenure.nextTick, now: now)
  }

  private func perform(_ action: Tenure.Action) {
    switch action {
    case .read(let operation):
      ask(operation) { register in .read(operation: operation, try register.tenure()) }
    case .replace(let operation, let expected, let record):
      ask(operation) { register in
        switch try register.replaceTenure(expected, with: record) {
        case .stored: .replaced(operation: operation, .stored)
        case .stale(let current): .replaced(operation: operation, .stale(current))
        }
      }
    case .begin: change(to: .held)
    case .extend(let until): state.value.extended(until)
    case .end: change(to: .lost)
    }
  }

  private func change(to status: Status) {
    current.withLock { $0 = status }
    wake()
  }

  /// Once the thread has ended nothing is answered any more.
  private func ask(
    _ operation: UInt64, _ question: @escaping @Sendable (AuthorityRegister) throws -> Tenure.Event
  ) {
    let (register, logger) = (register, logger)
    let answer = thread.runIfActive(eventLoop: loop) { () -> Tenure.Event in
      do {
        return try question(register)
      } catch {
        logger.warning(
          "the register does not say who is active", metadata: [NodeLogging.Key.reason: "\(error)"])
        return .failed(operation: operation)
      }
    }
    answer.assumeIsolated().whenSuccess { self.handle($0) }
  }
}
