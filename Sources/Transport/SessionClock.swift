import NIOCore
import Sessions

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Watches a session's time: idleness, a peer that does not read, the ticket's end, an hour's age, and a record that
/// does not end.
///
/// One timer a session, set to the next moment that can matter, and one for a record that has begun; reads only note the
/// time.
final class SessionClock {
  private let session: Session
  private let handler: any SessionHandler
  private var lastRead: NIODeadline
  private var unwritableSince: NIODeadline?
  /// Moments that come once; `nil` when past, or never.
  private var notice: NIODeadline?
  private var renewal: NIODeadline?
  private let end: NIODeadline
  private let endSeconds: Int64
  private var timer: Scheduled<Void>?
  private var hasNoticed = false
  /// Since when the peer could have sent the rest of a record.
  private var partialSince: NIODeadline?
  private var partialTimer: Scheduled<Void>?

  init(_ session: Session, _ handler: any SessionHandler) {
    self.session = session
    self.handler = handler
    let limits = session.limits
    let now = session.eventLoop.now
    let seconds = Int64(time(nil))
    var life = TimeAmount(limits.sessionTime)
    if session.identity.endsWithTicket {
      let left = session.identity.ticketExpiry.subtractingReportingOverflow(seconds)
      // A ticket without an end is bounded by the session's longest life all the same.
      if !left.overflow { life = min(life, .seconds(max(0, min(left.partialValue, 1 << 30)))) }
      end = now + life
      notice = end - min(life, TimeAmount(limits.expiryNoticeTime))
    } else {
      end = .distantFuture
    }
    endSeconds = seconds &+ life.nanoseconds / 1_000_000_000
    renewal = session.identity.role == .initiator ? now + TimeAmount(limits.renewalTime) : nil
    lastRead = now
  }

  func start() { schedule() }

  func stop() {
    timer?.cancel()
    timer = nil
    partialTimer?.cancel()
    partialTimer = nil
  }

  /// - Parameter isNew: whether what is there is another record's beginning than before.
  @inline(__always)
  func notePartial(_ isPartial: Bool, isNew: Bool) {
    if !isPartial {
      partialSince = nil
    } else if isNew || partialSince == nil {
      partialSince = session.eventLoop.now
      if partialTimer == nil { watchPartial() }
    }
  }

  /// This side reads again: what did not come before was not the peer's fault.
  func noteResumed() {
    if partialSince != nil { partialSince = session.eventLoop.now }
  }

  private func watchPartial() {
    guard let partialSince else { return }
    let bound = NIOLoopBound(self, eventLoop: session.eventLoop)
    partialTimer = session.eventLoop.scheduleTask(
      deadline: partialSince + TimeAmount(session.limits.recordTime)
    ) {
      bound.value.partialTimer = nil
      bound.value.checkPartial()
    }
  }

  private func checkPartial() {
    guard session.isOpen, let since = partialSince else { return }
    let now = session.eventLoop.now
    if session.isReadingHeld { partialSince = now }
    guard session.isReadingHeld || now < since + TimeAmount(session.limits.recordTime) else {
      return session.close(.tooSlow, error: .recordTimedOut)
    }
    watchPartial()
  }

  @inline(__always)
  func noteRead() { lastRead = session.eventLoop.now }

  func noteWritability(_ isWritable: Bool) {
    guard isWritable == (unwritableSince != nil) else { return }
    unwritableSince = isWritable ? nil : session.eventLoop.now
    schedule()
  }

  /// The peer said when the session ends.
  func noticeExpiry(at seconds: Int64) {
    guard !hasNoticed else { return }
    hasNoticed = true
    handler.noticed(.expiring(at: seconds), on: session)
  }

  private func schedule() {
    timer?.cancel()
    let limits = session.limits
    var next = min(end, lastRead + TimeAmount(limits.idleTime))
    if let notice { next = min(next, notice) }
    if let renewal { next = min(next, renewal) }
    if let unwritableSince { next = min(next, unwritableSince + TimeAmount(limits.writeTime)) }
    // The session and this clock live on this loop, and the timer ends with them.
    let bound = NIOLoopBound(self, eventLoop: session.eventLoop)
    timer = session.eventLoop.scheduleTask(deadline: next) { bound.value.tick() }
  }

  private func tick() {
    guard session.isOpen else { return }
    let now = session.eventLoop.now
    // The notice comes first, however late this loop is.
    if let moment = notice, now >= moment {
      notice = nil
      if session.identity.role == .acceptor { session.sendNotice(expiry: endSeconds) }
      noticeExpiry(at: endSeconds)
    }
    if now >= end { return session.close(.ticketExpired, error: .ticketExpired) }
    if now >= lastRead + TimeAmount(session.limits.idleTime) {
      return session.close(.idle, error: .idleTimedOut)
    }
    if let unwritableSince, now >= unwritableSince + TimeAmount(session.limits.writeTime) {
      return session.fail(.writeTimedOut)
    }
    if let moment = renewal, now >= moment {
      renewal = nil
      handler.noticed(.renewalDue, on: session)
    }
    if session.isOpen { schedule() }
  }
}
