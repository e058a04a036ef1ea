import Cluster
import NIOCore
import Routing
import Synchronization

typealias ReplyContinuation = UnsafeContinuation<ClientReply, any Error>

/// What a caller's thread hands to the event loop.
enum Submission: Sendable {
  case request(id: UInt64, ClientOperation, deadline: Instant, ReplyContinuation)
  case cancel(id: UInt64)
  case close
}

/// Gathers what callers hand over: the first of a tick wakes the event loop, which then takes all of it, so
/// that requests of many callers share one record and one system call.
final class Inbox: Sendable {
  private struct State {
    var submissions: [Submission] = []
    /// The array of the tick before, for its memory.
    var spare: [Submission] = []
    var isScheduled = false
  }

  private let state = Mutex(State())
  let eventLoop: any EventLoop
  private let loop: NIOLoopBoundBox<ClientLoop?>
  private let make: @Sendable (any EventLoop) -> ClientLoop

  /// - Parameter make: makes the client's state, on the event loop, when first needed.
  init(eventLoop: any EventLoop, make: @escaping @Sendable (any EventLoop) -> ClientLoop) {
    self.eventLoop = eventLoop
    self.make = make
    loop = NIOLoopBoundBox.makeEmptyBox(valueType: ClientLoop.self, eventLoop: eventLoop)
  }

  func submit(_ submission: Submission) {
    let wakes = state.withLock { state in
      state.submissions.append(submission)
      if state.isScheduled { return false }
      state.isScheduled = true
      return true
    }
    if wakes { eventLoop.execute { [self] in drain() } }
  }

  private func drain() {
    var taken = state.withLock { state in
      state.isScheduled = false
      let taken = state.submissions
      state.submissions = state.spare
      state.spare = []
      return taken
    }
    let client = loop.value ?? make(eventLoop)
    loop.value = client
    client.receive(taken)
    taken.removeAll(keepingCapacity: taken.count < 4_096)
    state.withLock { [taken] in $0.spare = taken }
  }
}
