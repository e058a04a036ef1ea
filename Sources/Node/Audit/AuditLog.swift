import Audit
import Dispatch
import Glibc
import Logging
import Synchronization

/// Keeps the record of who did what. Events are taken from any thread without waiting; one thread writes them.
///
/// What is taken is written at once, and synced within a second, at each rotation and at the end: a process that is
/// killed loses what it had not written yet (milliseconds), a machine that loses power one second. When the disk does not
/// keep up, or is full, events are lost, and a line says how many. No request waits for it.
final class AuditLog: Sendable {
  private typealias Entry = (event: AuditEvent, time: Int64, leftOut: UInt64)

  private struct State {
    var waiting: [Entry] = []
    var lost: UInt64 = 0
    var isWriting = false
    var isClosed = false
    var limiter = RateLimiter()
  }

  /// Events that wait for the disk at most.
  static let capacity = 4_096
  /// Of them requests for keys, which are many, at most: an order has room always.
  static let dataCapacity = 3_072
  /// Milliseconds after which the ordinary log is told of the end of a chain that has grown.
  static let headPeriod: Int64 = 600_000
  private static let closing: DispatchTimeInterval = .seconds(5)

  /// Which requests for keys are to be recorded.
  let data: AuditSettings.Data
  /// Whether a line names the key of a request.
  let namesKeys: Bool
  let path: String
  private let state = Mutex(State())
  private let file: Mutex<AuditFile>
  private let isUnsynced = Mutex(false)
  /// The head that the ordinary log was told of last, and when.
  private let told = Mutex<(head: AuditHead, time: Int64)>((.none, 0))
  let queue = DispatchQueue(label: "keyval.audit")
  // Set up by `init`, and cancelled once.
  nonisolated(unsafe) private let timer: any DispatchSourceTimer
  private let logger: Logger

  /// Opens, or begins, the log of a node.
  ///
  /// Several authorities may share a directory, and each has a log of its own: where the configuration names none, the
  /// first that nobody else writes.
  /// - Throws: `NodeError.unusableFile`.
  static func open(_ configuration: NodeConfiguration, _ logger: Logger) throws(NodeError) -> AuditLog {
    let directory = configuration.directory
    var paths = [configuration.audit.path ?? "\(directory)/audit.jsonl"]
    if configuration.audit.path == nil, configuration.role == .authority {
      paths += (2...8).map { "\(directory)/audit-\($0).jsonl" }
    }
    let (principal, address) = (configuration.principal.text, "\(configuration.listen)")
    return try open(paths, configuration.audit, of: principal, at: address, logger)
  }

  /// Opens the first of these that no other process writes.
  static func open(
    _ paths: [String], _ settings: AuditSettings, of principal: String, at address: String, _ logger: Logger
  ) throws(NodeError) -> AuditLog {
    // The process before may be about to close it.
    for attempt in 0..<20 {
      if attempt > 0 { usleep(50_000) }
      for path in paths {
        guard let file = try AuditFile(path: path, settings: settings) else { continue }
        let log = AuditLog(file, settings, logger)
        // Where the process before has left it: to be compared with what that one said.
        log.tellHead("audit log begun")
        log.record(
          .started(of: principal, at: address, file: path, version: NodeVersion.text))
        return log
      }
    }
    throw .unusableFile(
      path: paths[0], key: "audit.path", problem: "is written by another process",
      remedy: "End that one, or name another file.")
  }

  init(_ file: AuditFile, _ settings: AuditSettings, _ logger: Logger) {
    (data, namesKeys) = (settings.data, settings.keys == .written)
    self.logger = logger
    path = file.path
    self.file = Mutex(file)
    let timer = DispatchSource.makeTimerSource(queue: queue)
    self.timer = timer
    timer.schedule(deadline: .now() + 1, repeating: 1)
    timer.setEventHandler { [weak self] in self?.tick() }
    timer.activate()
  }

  /// Takes an event. Never blocks for the disk.
  func record(_ event: AuditEvent) {
    let time = NodeClock.wallMilliseconds()
    let isFirst = state.withLock { state -> Bool in
      guard !state.isClosed else { return false }
      guard case .passes(let leftOut) = state.limiter.admit(event, now: NodeClock.now().milliseconds) else {
        return false
      }
      return Self.add((event, time, leftOut), to: &state)
    }
    if isFirst { queue.async { [weak self] in self?.write() } }
  }

  /// - Returns: whether the queue has to be told.
  private static func add(_ entry: Entry, to state: inout State) -> Bool {
    guard state.waiting.count < (entry.event.kind == .data ? dataCapacity : capacity) else {
      state.lost += 1
      return false
    }
    state.waiting.append(entry)
    defer { state.isWriting = true }
    return !state.isWriting
  }

  /// Writes and syncs what was taken, says in the ordinary log where the chain ends, and lets go of the file. Waits for a
  /// disk that hangs so long at most.
  func close(within bound: DispatchTimeInterval = closing) async {
    let omissions = state.withLock { $0.limiter.takeAll(now: NodeClock.now().milliseconds) }
    for omission in omissions { record(AuditEvent(leftOut: omission)) }
    record(.closed)
    state.withLock { $0.isClosed = true }
    timer.cancel()
    // A task that was cancelled waits, too: what is iterated or awaited otherwise would end at once for it.
    await withCheckedContinuation { continuation in
      let end = End(continuation)
      queue.async { [self] in
        write()
        sync()
        tellHead("audit log ended")
        file.withLock { $0.close() }
        end.come()
      }
      DispatchQueue.global().asyncAfter(deadline: .now() + bound) { end.come() }
    }
  }

  /// Comes once, by whichever way is the first.
  private final class End: Sendable {
    private let continuation: Mutex<CheckedContinuation<Void, Never>?>
    init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = Mutex(continuation) }

    func come() {
      continuation.withLock {
        $0?.resume()
        $0 = nil
      }
    }
  }

  // MARK: On the queue

  /// - Parameter looks: whether to look at the file though nothing waits.
  private func write(looks: Bool = false) {
    let (entries, lost) = state.withLock { state in
      defer { (state.waiting, state.lost, state.isWriting) = ([], 0, false) }
      return (state.waiting, state.lost)
    }
    var lines = entries
    if lost > 0 { lines.append((AuditEvent.lost(lost), NodeClock.wallMilliseconds(), 0)) }
    guard looks || !lines.isEmpty else { return }
    let now = NodeClock.wallMilliseconds()
    let (failure, remarks, hasRotated) = file.withLock { file in
      let before = file.rotations
      var failure: AuditFile.Failure?
      do throws(AuditFile.Failure) {
        try file.append(lines, at: now)
      } catch {
        failure = error
      }
      return (failure, file.takeRemarks(), file.rotations > before)
    }
    if !lines.isEmpty || !remarks.isEmpty { isUnsynced.withLock { $0 = true } }
    for remark in remarks { logger.error("\(remark)", metadata: ["file": "\(path)"]) }
    if hasRotated {
      // Not before it is sure to be there.
      sync()
      tellHead("audit log rotated")
    }
    guard let failure else { return }
    // The line that tells of losses may be among them; what it told is told again.
    let known = lost > 0 ? lost - 1 : 0
    state.withLock { $0.lost += UInt64(max(0, failure.lost)) + known }
    logger.error(
      "audit events are lost: they cannot be written",
      metadata: ["file": "\(path)", "count": "\(failure.lost)", NodeLogging.Key.reason: "\(failure.reason)"])
  }

  private func tick() {
    let omissions = state.withLock { state in
      state.limiter.untold > 0 ? state.limiter.takeOmissions(now: NodeClock.now().milliseconds) : []
    }
    for omission in omissions { record(AuditEvent(leftOut: omission)) }
    write(looks: true)
    sync()
    tellHeadIfDue(NodeClock.now().milliseconds)
  }

  private func sync() {
    guard
      isUnsynced.withLock({ unsynced in
        defer { unsynced = false }
        return unsynced
      })
    else { return }
    guard let problem = file.withLock({ $0.sync() }) else { return }
    isUnsynced.withLock { $0 = true }
    logger.error(
      "the audit log cannot be synced", metadata: ["file": "\(path)", NodeLogging.Key.reason: "\(problem)"])
  }

  /// So that lines which are cut off later are missed, but for the last minutes.
  func tellHeadIfDue(_ now: Int64) {
    let head = file.withLock { $0.chain.head }
    guard told.withLock({ $0.head != head && now - $0.time >= Self.headPeriod }) else { return }
    tellHead("audit log goes on")
  }

  /// Where the chain ends stands in the ordinary log too: whoever cuts lines off the end must have altered both.
  private func tellHead(_ event: String) {
    let head = file.withLock { $0.chain.head }
    told.withLock { $0 = (head, NodeClock.now().milliseconds) }
    logger.notice("\(event)", metadata: ["file": "\(path)", "head": "\(head)"])
  }
}

extension AuditEvent {
  fileprivate init(leftOut omission: RateLimiter.Omission) {
    self.init(
      .log, "left out", outcome: omission.kind, count: omission.count,
      reason: omission.sources > 1 ? "of \(omission.sources) sources; this is one" : nil)
    if omission.kind.hasSuffix(RateLimiter.unproved) {
      address = omission.source
    } else if omission.kind.hasSuffix(RateLimiter.nobodys) {
      subject = omission.source.isEmpty ? nil : omission.source
    } else {
      principal = omission.source
    }
  }
}

extension RateLimiter {
  fileprivate static let unproved = " unproved"
  fileprivate static let nobodys = " by nobody"

  /// Each kind has so many lines for each principal, or address where nobody has proved anything.
  fileprivate mutating func admit(_ event: AuditEvent, now: Int64) -> Verdict {
    // Few, or asked for by the operator: nothing is left out.
    guard event.kind != .log, event.kind != .data else { return .passes(leftOut: 0) }
    // A flood of those that are refused takes nothing from those that are accepted, nor one of those that have proved
    // nothing from those that have.
    let (source, proof) =
      if let principal = event.principal {
        (principal, "")
      } else if let address = event.address {
        (RemoteAddress.source(of: address), Self.unproved)
      } else {
        (event.kind == .damage ? event.reason ?? "" : "", Self.nobodys)
      }
    return admit(
      kind: "\(event.kind.rawValue) \(event.action) \(event.outcome)\(proof)", source: source,
      budget: Self.budget(of: event), weight: event.count ?? 1, now: now)
  }

  private static func budget(of event: AuditEvent) -> Budget {
    switch event.kind {
    // What anybody can cause who reaches the node, or has a ticket and no right.
    case .session where event.principal == nil, .denial: Budget(burst: 20, perMinute: 6)
    case .session: Budget(burst: 100, perMinute: 30)
    case .order: Budget(burst: 300, perMinute: 60)
    // It is found again by each that reads it.
    case .damage: Budget(burst: 5, perMinute: 1)
    // What only the cluster itself and its administrators can.
    default: Budget(burst: 200, perMinute: 30)
    }
  }
}
