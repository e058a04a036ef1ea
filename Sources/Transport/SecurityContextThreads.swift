import NIOPosix
import Sessions
import Synchronization

/// The threads on which GSSAPI steps run, which may wait for a KDC.
///
/// Initiating and accepting have threads of their own: a KDC that hangs stops a node from dialling, but not
/// from accepting, which needs no KDC. What waits for a thread is bounded, and takes turns by source address (of what
/// is accepted) or by target (of what is dialled).
public final class SecurityContextThreads: Sendable {
  let accepting: StepThreads<Source>
  let initiating: StepThreads<String>

  /// - Parameters: how many steps of each kind run at once, and the limits of what waits.
  public init(accepting: Int, initiating: Int, limits: SessionLimits = SessionLimits()) {
    self.accepting = StepThreads(accepting, limits)
    self.initiating = StepThreads(initiating, limits)
  }

  /// For everything in this process that does not bring its own. Never shut down.
  public static let shared = SecurityContextThreads(accepting: 4, initiating: 8)

  public func shutDown() async {
    await accepting.shutDown()
    await initiating.shutDown()
  }
}

/// What becomes of a step that waits for a thread.
enum Turn {
  case taken
  /// Too many wait, and this one had to go.
  case displaced
  /// The threads have been shut down.
  case cancelled
}

/// Threads that take turns by key.
final class StepThreads<Key: Hashable & Sendable>: Sendable {
  private typealias Job = @Sendable (Turn) -> Void

  private let threads: NIOThreadPool
  private let queue: Mutex<FairQueue<Key, Job>>

  init(_ count: Int, _ limits: SessionLimits) {
    threads = NIOThreadPool(numberOfThreads: count)
    queue = Mutex(FairQueue(limit: limits.waitingSteps, limitPerKey: limits.waitingStepsPerSource))
    threads.start()
  }

  /// Calls `job` once: on one of the threads when its turn comes, or at once on this one when another has to go for it.
  func submit(of key: Key, isMember: Bool, _ job: @escaping @Sendable (Turn) -> Void) {
    if let displaced = queue.withLock({ $0.add(job, of: key, isMember: isMember) }) {
      // Its thread's turn is this job's now.
      return displaced(.displaced)
    }
    threads.submit { [self] state in
      guard let next = queue.withLock({ $0.next() }) else { return }
      if case .active = state { next(.taken) } else { next(.cancelled) }
    }
  }

  func shutDown() async { try? await threads.shutdownGracefully() }
}
