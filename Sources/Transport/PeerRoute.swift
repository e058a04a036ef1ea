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
