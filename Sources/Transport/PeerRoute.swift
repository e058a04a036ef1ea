import NIOCore

/// What a mesh knows of one principal: its sessions, what waits for one, and when to dial again.
final class PeerRoute {
  let principal: String
  /// The newest last.
  var sessions: [SessionReference] = []
  var isDialling = false
  /// The timer of the next attempt.
  var retry: Scheduled<Void>?
  private(set) var pauseEnd: NIODeadline?
  /// Which of the principal's addresses comes next: the number of steps from one to the next so far.
  var place = 0
  /// Since when something that was sent on the newest session waits for a sign of life.
  private var unanswered: NIODeadline?

  private var failures = 0
  private var queue: [(messages: [UInt8], since: NIODeadline)] = []
  private var queuedBytes = 0

  init(_ principal: String) { self.principal = principal }

  var isQueueEmpty: Bool { queue.isEmpty }

  /// Whether nothing is lost when this route is made anew for the next message.
  func isForgettable(now: NIODeadline) -> Bool {
    sessions.isEmpty && queue.isEmpty && !isDialling && retry == nil && (pauseEnd ?? now) <= now
  }

  /// - Returns: how many older messages had to go.
  func enqueue(_ messages: [UInt8], now: NIODeadline, _ configuration: PeerMesh.Configuration) -> Int {
    queue.append((messages, now))
    queuedBytes += messages.count
    var dropped = 0
    while queue.count > configuration.queuedMessages || queuedBytes > configuration.queuedBytes,
      !queue.isEmpty
    {
      queuedBytes -= queue.removeFirst().messages.count
      dropped += 1
    }
    return dropped
  }

  func dropOld(now: NIODeadline, _ configuration: PeerMesh.Configuration) {
    let oldest = now - TimeAmount(configuration.messageTime)
    queue.removeAll { $0.since < oldest }
    queuedBytes = queue.reduce(0) { $0 + $1.messages.count }
  }

  func takeQueue(now: NIODeadline, _ configuration: PeerMesh.Configuration) -> [[UInt8]] {
    dropOld(now: now, configuration)
    defer { dropQueue() }
    return queue.map(\.messages)
  }

  func dropQueue() {
    queue = []
    queuedBytes = 0
  }

  /// Something came on the newest session.
  func answered() { unanswered = nil }

  /// Notes that something has just been sent on it, and tells whether it has been silent for too long.
  func isSilent(now: NIODeadline, _ configuration: PeerMesh.Configuration) -> Bool {
    guard let since = unanswered else {
      unanswered = now
      return false
    }
    guard now - since > TimeAmount(configuration.silence) else { return false }
    // The next look beside comes after another such time.
    unanswered = now
    return true
  }

  func failed(now: NIODeadline, _ configuration: PeerMesh.Configuration) {
    let first = TimeAmount(configuration.firstPause).nanoseconds
    let longest = TimeAmount(configuration.longestPause).nanoseconds
    let pause = min(longest, first << Int64(min(failures, 20)))
    let jitter = 0.5 + min(max(configuration.random(), 0), 1)
    failures += 1
    pauseEnd = now + .nanoseconds(Int64(Double(pause) * jitter))
  }

  func forgetFailures() {
    failures = 0
    pauseEnd = nil
    retry?.cancel()
    retry = nil
  }

  func cancel() {
    forgetFailures()
    dropQueue()
  }
}
