import Cluster
import NIOCore
import Synchronization
import Transport

/// The connections of one event loop, and what came of their requests.
final class LoadLoop {
  let eventLoop: any EventLoop
  let dialer: SessionDialer
  let credential: InitiatorCredentialProvider
  var tally = Tally()
  var lastAnswer: UInt64 = 0
  private(set) var connections: [LoadConnection] = []
  private let progress: LoadProgress
  private let doubts: Doubts

  /// Connections that are not done yet.
  private var busy = 0
  private var end: UInt64 = .max
  private var completion: (@Sendable (Finished) -> Void)?
  private var watch: RepeatedTask?
  private var pacing: Scheduled<Void>?

  /// What a loop hands over when its connections are done.
  struct Finished: Sendable {
    let tally: Tally
    let lastAnswer: UInt64
  }

  /// The work of one connection.
  struct Assignment: Sendable {
    let course: Pipeline.Course
    let share: KeyShare
    let drone: LoadDrone
  }

  /// Silence after which the load is given up.
  private static let patience: UInt64 = 30_000_000_000
  /// The timer of a fixed rate is not set more finely: what is due earlier leaves with it, and counts as late.
  private static let tick: Int64 = 20_000

  init(
    on eventLoop: any EventLoop, dialer: SessionDialer, credential: @escaping InitiatorCredentialProvider,
    progress: LoadProgress, doubts: Doubts
  ) {
    self.eventLoop = eventLoop
    self.dialer = dialer
    self.credential = credential
    self.progress = progress
    self.doubts = doubts
  }

  func open(_ drone: LoadDrone, completion: @escaping @Sendable (Result<Void, LoadError>) -> Void) {
    let connection = LoadConnection(loop: self, drone: drone)
    connections.append(connection)
    connection.open(completion)
  }

  /// - Parameter completion: called when all sessions are over.
  func close(_ completion: @escaping @Sendable () -> Void) {
    watch?.cancel()
    pacing?.cancel()
    let closing = connections
    connections = []
    var open = closing.count
    guard open > 0 else { return completion() }
    for connection in closing {
      connection.close {
        open -= 1
        if open == 0 { completion() }
      }
    }
  }

  /// - Parameter assignments: of each connection.
  func begin(_ assignments: [Assignment], completion: @escaping @Sendable (Finished) -> Void) {
    tally = Tally()
    lastAnswer = MonotonicClock.now()
    busy = connections.count
    end = assignments.first?.course.end ?? .max
    self.completion = completion
    guard busy > 0 else { return finish() }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    watch = eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(100), delay: .milliseconds(100)) { _ in
      bound.value.look()
    }
    for (connection, assignment) in zip(connections, assignments) {
      connection.begin(assignment.course, share: assignment.share, on: assignment.drone)
    }
    pace()
  }

  func reassign(_ shares: [(KeyShare, LoadDrone)]) {
    for (connection, (share, drone)) in zip(connections, shares) {
      connection.reassign(share: share, drone: drone)
    }
  }

  func noteMoved(_ partition: Partition) { doubts.put(.partition(partition)) }

  func noteLost(_ drone: LoadDrone) { doubts.put(.drone(drone)) }

  /// Ten times a second: tells how far it is, ends what is over, and gives up what is not answered.
  private func look() {
    progress.answered.store(tally.answered, ordering: .relaxed)
    let now = MonotonicClock.now()
    if now >= end { for connection in connections { connection.proceed() } }
    let underWay = connections.reduce(0) { $0 + ($1.pipeline?.underWay ?? 0) }
    if underWay > 0, now &- lastAnswer > Self.patience, lastAnswer < now { fail(.unanswered(underWay)) }
  }

  /// Wakes when the next request of a fixed rate is due.
  private func pace() {
    guard completion != nil else { return }
    let next = connections.compactMap { $0.pipeline?.nextDue }.min()
    let now = MonotonicClock.now()
    let isPaced = connections.contains { $0.pipeline?.course.schedule != nil }
    guard isPaced else { return }
    // While all places are taken it is answers that let the next request go.
    let delay = next.map { Int64(clamping: $0) - Int64(clamping: now) } ?? 1_000_000
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    pacing = eventLoop.scheduleTask(in: .nanoseconds(max(Self.tick, delay))) {
      let loop = bound.value
      let now = MonotonicClock.now()
      for connection in loop.connections where connection.pipeline?.nextDue.map({ $0 <= now }) == true {
        connection.proceed()
      }
      loop.pace()
    }
  }

  func connectionDone() {
    busy -= 1
    if busy == 0 { finish() }
  }

  /// Nothing more comes of this load.
  func fail(_ error: LoadError) {
    tally.failure = error
    for connection in connections { connection.stop() }
    finish()
  }

  /// No request is begun any more.
  func stop() { for connection in connections { connection.stop() } }

  private func finish() {
    watch?.cancel()
    pacing?.cancel()
    progress.answered.store(tally.answered, ordering: .relaxed)
    completion?(Finished(tally: tally, lastAnswer: lastAnswer))
    completion = nil
  }
}

/// How far a loop is, for other threads.
final class LoadProgress: Sendable {
  let answered = Atomic<UInt64>(0)
}
