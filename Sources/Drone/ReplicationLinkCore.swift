import Cluster

/// What a data loop decides about its session with one shadow: when to dial, what to send, what its answers mean.
/// No I/O, no clock; the data core is the loop's own and passed in.
public struct ReplicationLinkCore: Sendable {
  public enum Event: Sendable {
    /// The shadow is there; nil: it shadows nothing of this loop's any more.
    case located(RegisteredNode?)
    case sessionOpened
    case sessionClosed
    /// The session that `dial` asked for did not come about.
    case dialFailed
    case redialDue
    /// All answers of a record.
    case answered([ReplicationAnswer])
    /// All records of a read cycle have been handed over.
    case readCompleted
    /// There may be something to send, or room for it.
    case pumped
    /// A heartbeat has passed.
    case ticked
    case stopped
  }

  public enum Action: Sendable {
    /// Open a session; answer with `sessionOpened` or `dialFailed`.
    case dial(RegisteredNode)
    /// `sessionClosed` follows.
    case close
    /// In one record.
    case send([ReplicationMessage])
    /// Answer these clients.
    case complete([DataCore.Completion])
    /// The shadow is not reached: the commander shall look.
    case report
    /// Hand over `redialDue` after so many milliseconds, and a few at random.
    case redial(after: Int64)
  }

  /// The shortest and the longest pause before another dial, in milliseconds.
  private static let dialPause: Int64 = 20
  private static let longestDialPause: Int64 = 1000
  /// Messages with records on their way. What comes meanwhile goes into the next, so that they grow with the load: each
  /// costs both drones as much as tens of writes. Two, so that the shadow has one while the answer to another is under way.
  private static let window = 2

  public let peer: Principal
  public private(set) var node: RegisteredNode?
  public private(set) var hasSession = false
  public private(set) var failures = 0
  private var life: Incarnation?
  /// How many there have been.
  private var sessions: UInt64 = 0
  private var isDialling = false
  /// `redialDue` is on its way. Whoever says meanwhile where the shadow is, with each heartbeat, says nothing new.
  private var isPausing = false
  private var isStopped = false
  /// The last record of each message with records that has not been answered, oldest first.
  private var underWay: [(partition: Partition, sequence: UInt64)] = []
  private var actions: [Action] = []

  public init(peer: Principal) { self.peer = peer }

  /// - Parameters:
  ///   - data: the loop's data core.
  ///   - canSend: whether the session, if there is one, is open and has room.
  public mutating func handle(
    _ event: Event, _ data: inout DataCore, canSend: Bool, now: Instant
  ) -> [Action] {
    switch event {
    case .located(let node): use(node)
    case .sessionOpened:
      hasSession = true
      isDialling = false
      failures = 0
      sessions &+= 1
      underWay.removeAll()
      actions.append(.send([.greet(session: sessions)]))
    case .sessionClosed: sessionClosed(&data)
    case .dialFailed:
      isDialling = false
      actions.append(.report)
      redial()
    case .redialDue:
      isPausing = false
      dial()
    case .answered(let answers): receive(answers, &data, now)
    case .readCompleted, .pumped: pump(&data, canSend, now)
    case .ticked:
      // Nothing depends on it that each message is answered.
      underWay.removeAll()
      pump(&data, canSend, now)
    case .stopped:
      isStopped = true
      if hasSession { actions.append(.close) }
    }
    defer { actions.removeAll() }
    return actions
  }

  /// Whether what there is to say may be said now.
  var hasRoom: Bool { hasSession && life != nil && underWay.count < Self.window }

  private mutating func pump(_ data: inout DataCore, _ canSend: Bool, _ now: Instant) {
    guard hasRoom, canSend else { return }
    let messages = data.replicate(to: peer, now: now)
    for case .records(let batch, _) in messages.reversed() {
      underWay.append((batch.partition, batch.lastSequence))
      break
    }
    if !messages.isEmpty { actions.append(.send(messages)) }
  }

  /// Answers come in the order of what was sent, but for those of different loops of the shadow.
  private mutating func answered(_ answer: ReplicationAnswer) {
    let place: Int? =
      switch answer {
      case .kept(let partition, _, let through):
        underWay.firstIndex { $0.partition == partition && $0.sequence <= through }
      case .missing(let partition, _), .refused(let partition, _):
        underWay.firstIndex { $0.partition == partition }
      case .welcome, .entriesTaken: nil
      }
    if let place { underWay.removeSubrange(...place) }
  }

  private mutating func receive(_ answers: [ReplicationAnswer], _ data: inout DataCore, _ now: Instant) {
    var completions: [DataCore.Completion] = []
    for answer in answers {
      if case .welcome(let incarnation) = answer {
        life = incarnation
        data.connected(peer, life: incarnation)
      } else if life != nil {
        answered(answer)
        completions += data.receive(answer, from: peer, now: now)
      }
    }
    complete(completions)
  }

  private mutating func complete(_ completions: [DataCore.Completion]) {
    if !completions.isEmpty { actions.append(.complete(completions)) }
  }

  private mutating func sessionClosed(_ data: inout DataCore) {
    guard hasSession else { return }
    hasSession = false
    life = nil
    complete(data.disconnected(peer))
    if !isStopped, node != nil { actions.append(.report) }
    redial()
  }

  private mutating func use(_ node: RegisteredNode?) {
    let isElsewhere = self.node != nil && node != nil && self.node != node
    self.node = node
    if hasSession, node == nil || isElsewhere { return actions.append(.close) }
    if !isPausing || isElsewhere { dial() }
  }

  private mutating func dial() {
    guard !hasSession, !isDialling, !isStopped, let node else { return }
    isDialling = true
    actions.append(.dial(node))
  }

  private mutating func redial() {
    guard !isStopped, !isPausing, node != nil else { return }
    failures += 1
    isPausing = true
    actions.append(.redial(after: min(Self.longestDialPause, Self.dialPause << Int64(min(failures, 6)))))
  }
}
