import Cluster
import Cryptography
import NIOCore
import Sessions
import Transport
import Wire

/// One session that requests go over, on its event loop: hands the bytes of a ``Pipeline`` to the network, and the
/// network's to it.
final class LoadConnection: SessionHandler {
  private let loop: LoadLoop
  private(set) var drone: LoadDrone
  private(set) var pipeline: Pipeline?
  private var session: Session?
  /// Sent in all loads before: a session's writes are numbered up.
  private var writes: UInt32 = 0
  /// Told once, when the session that is being dialled is open or cannot be.
  private var whenOpen: ((Result<Void, LoadError>) -> Void)?
  private var failedDials = 0
  private var isDialing = false
  /// Another drone serves its keys: nothing more is asked on this session.
  private var isMoving = false
  private var isClosing = false
  private var whenClosed: (() -> Void)?
  private var redialling: Scheduled<Void>?
  private var resting: Scheduled<Void>?

  private static let maximumDials = 50

  init(loop: LoadLoop, drone: LoadDrone) {
    self.loop = loop
    self.drone = drone
  }

  // Opening and closing

  func open(_ completion: @escaping (Result<Void, LoadError>) -> Void) {
    whenOpen = completion
    dial()
  }

  private func dial() {
    guard !isDialing, session == nil else { return }
    isDialing = true
    let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
    let drone = drone
    loop.dialer.dial(
      drone.principal.text, at: drone.address, on: loop.eventLoop, credential: loop.credential
    ) { _, _ in
      bound.value
    } completion: { result in
      bound.value.isDialing = false
      if case .failure(let error) = result { bound.value.dialFailed(drone, error.description) }
    }
  }

  func sessionOpened(_ session: Session) {
    self.session = session
    // The map may have changed meanwhile. Its end has the right one dialled.
    guard !isClosing, session.identity.peer == drone.principal.text else { return session.close(.replaced) }
    failedDials = 0
    let client = ClientIncarnation(high: SecureRandom.integer(), low: SecureRandom.integer())
    // It is short; a session that is over already takes nothing, and says so by `closed`.
    try? session.write { DataRequest.introduce(number: 0, client: client).encode(into: &$0) }
    session.flush()
    whenOpen?(.success(()))
    whenOpen = nil
    proceed()
  }

  private func dialFailed(_ drone: LoadDrone, _ reason: String) {
    if isClosing { return tellClosed() }
    let error = LoadError.noSession(drone: drone.principal.shortName, reason: reason)
    if let whenOpen {
      self.whenOpen = nil
      return whenOpen(.failure(error))
    }
    failedDials += 1
    guard failedDials < Self.maximumDials else { return loop.fail(error) }
    loop.noteLost(drone)
    redial()
  }

  private func redial() {
    guard let pipeline, !pipeline.isDone else { return }
    let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
    redialling?.cancel()
    redialling = loop.eventLoop.scheduleTask(in: .milliseconds(200)) {
      if !bound.value.isClosing { bound.value.dial() }
    }
  }

  /// - Parameter completion: called when the session is over, and none is being dialled.
  func close(_ completion: @escaping () -> Void) {
    isClosing = true
    whenClosed = completion
    redialling?.cancel()
    resting?.cancel()
    if let session { session.close() } else if !isDialing { tellClosed() }
  }

  private func tellClosed() {
    whenClosed?()
    whenClosed = nil
  }

  func closed(_ session: Session, error: SessionError?) {
    self.session = nil
    isMoving = false
    if isClosing { return tellClosed() }
    pipeline?.lose(&loop.tally)
    if error != nil { loop.noteLost(drone) }
    checkDone()
    redial()
  }

  // Requests and answers

  func begin(_ course: Pipeline.Course, share: KeyShare, on drone: LoadDrone) {
    pipeline = Pipeline(course, share: share, seed: SecureRandom.integer(), writes: writes)
    if drone.principal != self.drone.principal { return move(to: drone) }
    self.drone = drone
    if session == nil { dial() } else { proceed() }
  }

  /// The slot map has changed.
  func reassign(share: KeyShare, drone: LoadDrone) {
    pipeline?.share = share
    if drone.principal != self.drone.principal { move(to: drone) } else { self.drone = drone }
  }

  private func move(to drone: LoadDrone) {
    self.drone = drone
    isMoving = session != nil
    if isMoving { proceed() } else { dial() }
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    guard pipeline != nil else { return }
    do throws(CBORError) {
      let now = MonotonicClock.now()
      loop.lastAnswer = now
      guard let (moved, pause) = try pipeline?.receive(messages, now: now, &loop.tally) else { return }
      if let moved { loop.noteMoved(Partition.all[moved]) }
      if pipeline?.isResting == true { rest(.milliseconds(Int64(max(pause, 10)))) }
      if let failure = loop.tally.failure { loop.fail(failure.about(drone)) }
    } catch {
      loop.fail(.badAnswer(drone: drone.principal.shortName, reason: "\(error)"))
    }
  }

  func readCompleted(on session: Session) { proceed() }

  /// Sends whatever is due and has a place.
  func proceed() {
    guard let session, session.isOpen else { return checkDone() }
    if isMoving {
      // Answers still to come are waited for. The end of the session has the next one dialled.
      if pipeline?.underWay ?? 0 == 0 { session.close(.replaced) }
      return checkDone()
    }
    let now = MonotonicClock.now()
    while let length = pipeline?.fill(now: now, &loop.tally), length > 0 {
      do {
        try pipeline?.bytes.withUnsafeBytes { bytes in
          try session.write(messages: UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        }
      } catch {
        return loop.fail(.badSize("a request of \(length) bytes is longer than a record: \(error)"))
      }
    }
    session.flush()
    checkDone()
  }

  private func rest(_ pause: TimeAmount) {
    guard resting == nil else { return }
    let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
    resting = loop.eventLoop.scheduleTask(in: pause) {
      bound.value.resting = nil
      bound.value.pipeline?.wake()
      bound.value.proceed()
    }
  }

  /// No request is begun any more.
  func stop() {
    pipeline?.stop(&loop.tally)
    checkDone()
  }

  private func checkDone() {
    guard let pipeline, pipeline.isDone else { return }
    writes = pipeline.writes
    self.pipeline = nil
    loop.connectionDone()
  }
}

/// A drone of the slot map.
struct LoadDrone: Sendable, Equatable {
  let principal: Principal
  let address: NodeAddress
}

extension LoadError {
  /// With the name of the drone that a pipeline does not know.
  fileprivate func about(_ drone: LoadDrone) -> LoadError {
    if case .refused("", let failure) = self {
      return .refused(drone: drone.principal.shortName, failure)
    }
    return self
  }
}
