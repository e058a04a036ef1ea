import Cluster
import NIOCore

/// Has something called at a moment that may change, for a role that says itself when time has work for it.
///
/// A moment that becomes later, as with each sign of life, costs nothing: what was set comes, finds that nothing is due and
/// is set once more. Used on its event loop only.
final class DeadlineTimer {
  private let eventLoop: any EventLoop
  private let body: (_ late: Int64) -> Void
  /// When something is due; nil: not before it is said anew.
  private var due: Instant?
  private var set: (at: Instant, timer: Scheduled<Void>)?
  private var isOver = false

  /// - Parameter body: is given by how many milliseconds it comes late.
  init(on eventLoop: any EventLoop, _ body: @escaping (_ late: Int64) -> Void) {
    self.eventLoop = eventLoop
    self.body = body
  }

  /// - Parameter moment: nil: nothing is due before this is called again. What was due before now is due now.
  func wait(until moment: Instant?, now: Instant) {
    due = moment.map { max($0, now) }
    guard let due, !isOver else { return }
    if let set {
      guard due < set.at else { return }
      set.timer.cancel()
    }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    // Of clocks that count in milliseconds and begin at another moment one may be a millisecond behind.
    let pause = TimeAmount.milliseconds(max(0, due - now) + (due > now ? 1 : 0))
    set = (due, eventLoop.scheduleTask(in: pause) { bound.value.come() })
  }

  func cancel() {
    isOver = true
    set?.timer.cancel()
    set = nil
  }

  private func come() {
    set = nil
    guard let due, !isOver else { return }
    let now = NodeClock.now()
    guard now >= due else { return wait(until: due, now: now) }
    body(now - due)
  }
}
