/// What a node knows of one principal that it talks with: the sessions with it, what waits for one, which of its addresses
/// comes next, and when it is dialled again. No I/O, no clock, no randomness; times are of a clock that is never set back,
/// since any one moment.
///
/// Sessions are named by numbers that are never used twice. The newest one, whoever has dialled it, is the one that is
/// sent on. A principal may have several addresses, when several processes stand for it and one of them is active.
public struct PeerRoute: Sendable {
  public struct Bounds: Sendable {
    /// What may wait for the principal's session: the oldest is dropped beyond that, or when too old.
    public var queuedMessages = 256
    public var queuedBytes = 4 << 20
    public var messageTime: Duration = .seconds(5)
    /// The pause after the first failed dial; it doubles up to the longest. Each is drawn from half to one and a half of
    /// that.
    public var firstPause: Duration = .milliseconds(50)
    public var longestPause: Duration = .seconds(2)
    /// Of a principal with several addresses: when something was sent on its newest session and nothing came for this
    /// long, the next address is tried beside it.
    public var silence: Duration = .seconds(3)

    public init() {}
  }

  /// What is to be done so that there is a session.
  public enum Attempt: Hashable, Sendable {
    /// Nothing more: a dial is under way, or will be.
    case none
    /// Nobody knows where the principal is; what waited for it is dropped.
    case unknownAddress
    /// Call `retryDue` then.
    case wait(until: Duration)
    /// Dial the address of this index; answered by `dialled` or `failed`.
    case dial(Int)
  }

  private let bounds: Bounds
  /// The newest last.
  public private(set) var sessions: [UInt64] = []
  private var isDialling = false
  /// When the next attempt is due.
  private var retry: Duration?
  private var pauseEnd: Duration?
  private var failures = 0
  /// Which of the principal's addresses comes next: the number of steps from one to the next so far.
  private var place = 0
  /// Since when something that was sent on the newest session waits for a sign of life.
  private var unanswered: Duration?
  private var queue: [(messages: [UInt8], since: Duration)] = []
  private var queuedBytes = 0

  public init(_ bounds: Bounds = Bounds()) { self.bounds = bounds }

  // MARK: Sending

  /// The session to send on.
  /// - Parameter isOpen: whether one may still be written to.
  /// - Returns: nil when there is none: enqueue then, and attempt.
  public mutating func newest(isOpen: (UInt64) -> Bool) -> UInt64? {
    while let newest = sessions.last {
      if isOpen(newest) { return newest }
      sessions.removeLast()
    }
    return nil
  }

  /// Something has been sent on the newest session. The process at its other end may hang, with its connection open, while
  /// another has become active: a session with that one, once it stands, is the newest.
  /// - Parameter addresses: how many the principal has.
  /// - Returns: the index of the one to dial beside that session; nil: none.
  public mutating func lookBeside(addresses: Int, now: Duration) -> Int? {
    guard addresses > 1, !isDialling, isSilent(now) else { return nil }
    place += 1
    isDialling = true
    return place % addresses
  }

  /// Notes that something was sent, and tells whether the newest session has been silent for too long.
  private mutating func isSilent(_ now: Duration) -> Bool {
    guard let since = unanswered else {
      unanswered = now
      return false
    }
    guard now - since > bounds.silence else { return false }
    // The next look beside comes after another such time.
    unanswered = now
    return true
  }

  /// Keeps messages until there is a session.
  /// - Returns: how many older ones had to go.
  public mutating func enqueue(_ messages: [UInt8], now: Duration) -> Int {
    queue.append((messages, now))
    queuedBytes += messages.count
    var dropped = 0
    while queue.count > bounds.queuedMessages || queuedBytes > bounds.queuedBytes, !queue.isEmpty {
      queuedBytes -= queue.removeFirst().messages.count
      dropped += 1
    }
    return dropped
  }

  public mutating func dropQueue() {
    queue = []
    queuedBytes = 0
  }

  private mutating func dropOld(_ now: Duration) {
    let oldest = now - bounds.messageTime
    queue.removeAll { $0.since < oldest }
    queuedBytes = queue.reduce(0) { $0 + $1.messages.count }
  }

  // MARK: Dialling

  /// - Parameter addresses: how many the principal has.
  public mutating func attempt(addresses: Int, now: Duration) -> Attempt {
    guard !isDialling, retry == nil else { return .none }
    guard addresses > 0 else {
      dropQueue()
      return .unknownAddress
    }
    if let pauseEnd, now < pauseEnd {
      retry = pauseEnd
      return .wait(until: pauseEnd)
    }
    isDialling = true
    return .dial(place % addresses)
  }

  /// As `attempt`, if something waits for a session.
  private mutating func attemptIfNeeded(addresses: Int, now: Duration) -> Attempt {
    queue.isEmpty || !sessions.isEmpty ? .none : attempt(addresses: addresses, now: now)
  }

  /// The principal listens elsewhere by now: there is no pause before that is tried.
  public mutating func moved(addresses: Int, now: Duration) -> Attempt {
    forgetFailures()
    return attemptIfNeeded(addresses: addresses, now: now)
  }

  /// The pause before an attempt is over. One that was called off is not due.
  public mutating func retryDue(addresses: Int, now: Duration) -> Attempt {
    guard let retry, now >= retry else { return .none }
    self.retry = nil
    dropOld(now)
    return attemptIfNeeded(addresses: addresses, now: now)
  }

  /// A session that this side has dialled is to be replaced by a new one.
  /// - Returns: the index of the address to dial; nil when there is no need.
  public mutating func replace(_ session: UInt64, addresses: Int) -> Int? {
    guard !isDialling, sessions.last == session, addresses > 0 else { return nil }
    isDialling = true
    return place % addresses
  }

  /// A dial has succeeded; `opened` tells of the session.
  public mutating func dialled() { isDialling = false }

  /// A dial has failed. There is no pause before the next of several addresses, but one before the first is tried again.
  /// - Parameters:
  ///   - isReplacement: whether the session was to replace one, which goes on as long as it lasts.
  ///   - random: from 0 up to 1.
  /// - Returns: whether that is worth telling; then attempt again with `retried`.
  public mutating func failed(isReplacement: Bool, addresses: Int, now: Duration, random: Double) -> Bool {
    isDialling = false
    if isReplacement, !sessions.isEmpty { return false }
    place += 1
    if place.isMultiple(of: max(1, addresses)) { pause(now, random) }
    return true
  }

  /// After a failure.
  public mutating func retried(addresses: Int, now: Duration) -> Attempt {
    dropOld(now)
    return attemptIfNeeded(addresses: addresses, now: now)
  }

  private mutating func pause(_ now: Duration, _ random: Double) {
    let pause = min(bounds.longestPause, bounds.firstPause * (1 << min(failures, 20)))
    failures += 1
    pauseEnd = now + pause * (0.5 + min(max(random, 0), 1))
  }

  private mutating func forgetFailures() {
    failures = 0
    pauseEnd = nil
    retry = nil
  }

  // MARK: Sessions

  /// A session stands, dialled by either side: it is the newest.
  /// - Returns: what has waited for one, in order.
  public mutating func opened(_ session: UInt64, now: Duration) -> [[UInt8]] {
    sessions.append(session)
    unanswered = nil
    forgetFailures()
    dropOld(now)
    defer { dropQueue() }
    return queue.map(\.messages)
  }

  /// Something came on it.
  public mutating func received(on session: UInt64) {
    if sessions.last == session { unanswered = nil }
  }

  public mutating func closed(_ session: UInt64) { sessions.removeAll { $0 == session } }

  /// Whether nothing is lost when this route is made anew for the next message.
  public func isForgettable(now: Duration) -> Bool {
    sessions.isEmpty && queue.isEmpty && !isDialling && retry == nil && (pauseEnd ?? now) <= now
  }
}
