import Cluster

/// A database's decisions, without I/O: whom it obeys, what it opens, and in which order its store works.
///
/// Everything that must hold after a crash is decided once more inside the store's transactions; here the
/// answers are given only after those are on the disk.
public struct DatabaseCore: Sendable {
  public let identity: DatabaseIdentity
  /// The highest term that is stored.
  public internal(set) var term: Term

  /// Which drones are let in; nil: none yet.
  public private(set) var members: MembershipList?

  let timing: Timing
  private let membershipVerifier: MembershipVerifier
  var keys: SealingKeyRing
  var certificates: CertificateCheck
  var jobs: JobQueue
  var health = StoreHealth()
  /// Once the store is of no use any more.
  var hasGivenUp = false
  /// Damages that were told of.
  var damages: Set<DamagedRow> = []
  private var streams: StreamQueue
  /// The store's own, as of its last transaction.
  var mark: StoreMark
  var use = Use.unknown
  /// What the authority is known to remember of it.
  var told: StoreMark?
  let receiptKey: ReceiptKey
  /// How far the store had come by a receipt, where it is not as far now.
  var proved: UInt64?
  var sessions: [UInt64: Session] = [:]
  private(set) var endpoint: Endpoint?
  private(set) var nextRegistration = Instant(milliseconds: .min)
  private(set) var lastTick: Instant?
  var actions: [DatabaseAction] = []
  /// Once it was asked to end.
  var ending: Ending?
  let patience: Int64

  struct Session {
    let peer: DatabasePeer
    /// Of a drone, once it has shown a grant.
    var incarnation: Incarnation?
    /// Of a commander, once it has shown its election certificate.
    var proof: CertificateCheck.Proof?
    /// What a drone has said of its own end, and of the database's.
    var readiness = Readiness.silent
    /// Of which the newest receipt is that a drone was given.
    var receipt: StoreMark?
  }

  /// - Parameters:
  ///   - verifier: decides whom to believe to be the commander of a term.
  ///   - term: the stored one.
  ///   - keys: the stored ones.
  ///   - members: the list that was stored last, nil on the first start.
  ///   - backlog: of the store at its opening.
  ///   - mark: of the store at its opening.
  ///   - receiptKey: the store's.
  ///   - patience: milliseconds that a database that is to end waits for its drones at most.
  public init(
    identity: DatabaseIdentity, timing: Timing, verifier: ElectionVerifier,
    membershipVerifier: MembershipVerifier, term: Term, keys: [StoredSealingKey], members: MembershipList?,
    backlog: StoreBacklog, mark: StoreMark, receiptKey: ReceiptKey,
    bounds: StoreBounds = StoreBounds(), patience: Int64 = 30_000
  ) {
    self.patience = patience
    self.identity = identity
    self.timing = timing
    self.membershipVerifier = membershipVerifier
    self.members = members
    self.term = term
    self.mark = mark
    self.receiptKey = receiptKey
    self.keys = SealingKeyRing(keys)
    certificates = CertificateCheck(verifier: verifier)
    jobs = JobQueue(backlog: backlog, bounds: bounds)
    streams = StreamQueue(bounds: bounds)
  }

  /// - Parameters:
  ///   - now: a clock that is never set back.
  ///   - wall: seconds since 1970, for certificates only.
  public mutating func handle(_ event: DatabaseEvent, now: Instant, wall: Int64) -> [DatabaseAction] {
    switch event {
    case .listening(let endpoint):
      self.endpoint = endpoint
      register(now)
    case .ticked:
      lastTick = now
      if now >= nextRegistration { register(now) } else { report() }
      endCertificates(wall)
      jobs.tick()
      wakeStore()
    case .opened(let session, let peer): open(session, peer, now)
    case .closed(let session): close(session)
    case .received(let message, let session): receive(message, session, wall)
    case .requested(let request, let session): receive(request, session, wall)
    case .finished(let result, let backlog, let mark):
      if health.succeed(hasStored: mark != self.mark) { actions.append(.note(.storeRecovered)) }
      self.mark = mark
      if let current = jobs.finish(backlog: backlog) { finish(current, result) }
    case .failed(let failure, let backlog): receive(failure, backlog)
    case .streamed(let identifier): _ = streams.finish(identifier)
    case .streamFailed(let identifier, let rest, let failure): fail(identifier, rest, failure)
    case .scrubFailed(let failure): end(with: failure)
    case .stopRequested: beginEnding(now)
    }
    endIfDone(now)
    giveUpIfOver()
    // Nor is the log of a store folded that may not be the right one.
    if isAccepted, health.mayTry, let job = jobs.next() { actions.append(.perform(job)) }
    while isAccepted, !health.isOver, let stream = streams.next() { actions.append(.stream(stream)) }
    defer { actions.removeAll() }
    return actions
  }

  // MARK: Sessions

  private mutating func register(_ now: Instant) {
    guard let endpoint else { return }
    nextRegistration = now + timing.heartbeat * 4
    let register = Register(
      incarnation: identity.incarnation, endpoint: endpoint, membership: members?.version ?? 0)
    actions.append(.register(register))
    report()
  }

  private mutating func open(_ session: UInt64, _ peer: DatabasePeer, _ now: Instant) {
    if case .commander(let office) = peer, office < term {
      return refuse(session, .oldTerm(office, current: term))
    }
    if case .drone(let holder) = peer, !isMember(holder) { return end(session, .notMember(holder)) }
    sessions[session] = Session(peer: peer)
    if ending != nil { tellOfEnding(session) }
  }

  func isMember(_ drone: Principal) -> Bool { members?.contains(drone) ?? false }

  /// Whoever is not on the newest list has no session here, whatever tickets it holds.
  mutating func receive(_ signed: SignedMembership) {
    let list: MembershipList
    do throws(MembershipError) {
      list = try membershipVerifier.verify(signed, known: members)
    } catch {
      return actions.append(.note(.membershipRefused(reason: error.description)))
    }
    guard list != members else { return }
    members = list
    actions.append(.admit(signed, list))
    actions.append(.note(.membershipChanged(version: list.version, members: list.members.count)))
    for session in sessions.keys.sorted() {
      if let winner = sessions[session]?.proof?.winner, !list.contains(winner) {
        refuse(session, .notMember(winner))
      }
      guard case .drone(let holder) = sessions[session]?.peer, !list.contains(holder) else { continue }
      end(session, .notMember(holder))
    }
  }

  private mutating func close(_ session: UInt64) {
    sessions[session] = nil
    streams.drop(session: session)
  }

  /// Says why, and ends the session.
  mutating func refuse(_ session: UInt64, _ error: DatabaseAccessError) {
    actions.append(.send(.refused(Refused(reason: "\(error)", term: term)), session: session))
    end(session, error)
  }

  mutating func end(_ session: UInt64, _ error: DatabaseAccessError) {
    actions.append(.close(session: session, error))
    close(session)
  }

  // MARK: Drones

  private static let busy = "too much waits for this database; try again"

  private mutating func receive(_ request: StoreRequest, _ session: UInt64, _ wall: Int64) {
    guard case .drone(let holder) = sessions[session]?.peer else { return }
    switch request {
    case .open(let number, _, let partitions, _, _) where !isAccepted:
      refuse(partitions, number, use.refusal, holder, session)
    case .append(let number, _) where !isAccepted:
      actions.append(.answer(.appendFailed(number: number, reason: use.refusal), session: session))
    case .open(let number, _, let partitions, _, _) where health.refusal != nil:
      refuse(partitions, number, health.refusal ?? "", holder, session)
    case .append(let number, _) where health.refusal != nil:
      actions.append(
        .answer(.appendFailed(number: number, reason: health.refusal ?? ""), session: session))
    case .open(let number, let grant, let partitions, let copy, let life):
      guard !partitions.isEmpty else {
        return refuse([], number, "no partition was asked for", holder, session)
      }
      let check = GrantCheck(identity: identity, term: term, keys: keys)
      do throws(GrantError) {
        let opening = try check.opening(
          grant, partitions, copy: copy, life: life, holder: holder,
          incarnation: sessions[session]?.incarnation)
        sessions[session]?.incarnation = opening.incarnation
        let order = JobQueue.Order(job: .open(opening), session: session, number: number)
        guard !jobs.add(order) else { return }
        refuse(partitions, number, Self.busy, holder, session)
      } catch {
        refuse(partitions, number, error.refusal, "\(error)", holder, session)
      }
    case .append(let number, let batches) where batches.isEmpty && isIdle:
      // It asks whether anything is in the way of its appends.
      actions.append(.answer(.appended(number: number, results: []), session: session))
      giveReceipts(to: [session])
    case .append(let number, let batches):
      let group = AppendGroup(holder: holder, batches: batches)
      let append = JobQueue.Append(session: session, number: number, group: group)
      guard let reason = jobs.add(append) else { return }
      actions.append(.answer(.appendFailed(number: number, reason: reason), session: session))
    case .farewell: if sessions[session]?.readiness == .silent { sessions[session]?.readiness = .farewell }
    case .staying: sessions[session]?.readiness = .staying
    case .remember(let receipt): receive(receipt, from: holder, wall)
    }
  }

  private mutating func refuse(
    _ partitions: PartitionSet, _ number: UInt64, _ reason: String, _ holder: Principal, _ session: UInt64
  ) {
    refuse(partitions, number, .other, reason, holder, session)
  }

  private mutating func refuse(
    _ partitions: PartitionSet, _ number: UInt64, _ refusal: OpenRefusal, _ reason: String,
    _ holder: Principal, _ session: UInt64
  ) {
    actions.append(.note(.refused(holder, partitions, reason: reason)))
    actions.append(
      .answer(
        .openRefused(number: number, partitions: partitions, refusal, reason: reason), session: session))
  }

  private mutating func fail(_ identifier: UInt64, _ rest: PartitionSet, _ failure: StoreFailure) {
    let stream = streams.finish(identifier)
    if let stream, sessions[stream.session] != nil {
      refuse(rest, stream.number, failure.told, stream.opening.holder, stream.session)
    }
    end(with: failure)
  }

  // MARK: The store

  private mutating func finish(_ current: JobQueue.Current, _ result: StoreJobResult) {
    switch (current, result) {
    case (.order(let order), .termRaised(let stored)):
      risen(to: stored)
      guard sessions[order.session] != nil else { return }
      actions.append(.send(.termRaised(TermRaised(term: stored)), session: order.session))
    case (.order(let order), .keyStored(let storage)): finishKey(order, storage)
    case (.order(let order), .opened(let result)): finishOpening(order, result)
    case (.order(let order), .fences(let stored)):
      guard case .commander(let office) = sessions[order.session]?.peer, office == term else { return }
      actions.append(.send(.fences(Fences(term: office, stored: stored)), session: order.session))
    case (.append(let appends), .appended(let results, let damages)):
      note(damages)
      for (append, results) in zip(appends, results) { answer(append, results) }
      giveReceipts(to: appends.map(\.session))
    case (.fold, _), (.order, .advanced): break
    default:
      let reason = "the store answered another question"
      actions.append(.note(.storeFailed(reason: reason)))
      fail(current, reason)
    }
  }

  private mutating func finishKey(_ order: JobQueue.Order, _ storage: KeyStorage) {
    guard case .storeKey(let stored) = order.job else { return }
    switch storage {
    case .stored:
      keys.insert(stored)
      actions.append(.note(.keyStored(stored.term)))
      risen(to: stored.term)
      guard sessions[order.session] != nil else { return }
      let answer = KeyStored(term: stored.term, identifier: stored.key.identifier)
      actions.append(.send(.keyStored(answer), session: order.session))
    case .oldTerm(let term):
      risen(to: term)
    case .conflict:
      guard sessions[order.session] != nil else { return }
      refuse(order.session, .notPermitted("second key of one identifier"))
    }
  }

  private mutating func finishOpening(_ order: JobQueue.Order, _ result: OpeningResult) {
    guard case .open(let opening) = order.job else { return }
    if !result.opened.isEmpty {
      actions.append(.note(.opened(opening.holder, result.opened, opening.token)))
    }
    guard sessions[order.session] != nil else { return }
    for group in result.refusalsByReason {
      refuse(group.partitions, order.number, group.refusal, group.reason, opening.holder, order.session)
    }
    if opening.copy != nil {
      for standing in result.standings {
        let answer = StoreAnswer.promoted(
          number: order.number, partition: standing.partition, sequence: standing.sequence,
          inSync: standing.inSync)
        actions.append(.answer(answer, session: order.session))
      }
      return
    }
    guard !result.opened.isEmpty,
      !streams.add(
        session: order.session, number: order.number, opening: opening.restricted(to: result.opened))
    else { return }
    refuse(result.opened, order.number, Self.busy, opening.holder, order.session)
  }

  private mutating func answer(_ append: JobQueue.Append, _ results: [StoreAnswer.PartitionResult]) {
    let fenced = results.filter { if case .fenced = $0.result { true } else { false } }
    if !fenced.isEmpty {
      actions.append(.note(.fencedOff(append.group.holder, PartitionSet(fenced.map(\.partition)))))
    }
    guard sessions[append.session] != nil else { return }
    // A drone asks at once for what an answer leaves open; only a failure makes it wait.
    let isNothing = results.isEmpty && !append.group.batches.isEmpty
    let answer: StoreAnswer =
      isNothing
      ? .appendFailed(number: append.number, reason: Self.unreadable)
      : .appended(number: append.number, results: results)
    actions.append(.answer(answer, session: append.session))
  }

  mutating func fail(_ current: JobQueue.Current, _ reason: String) {
    switch current {
    // Nobody is told: who sent it repeats it, and must not take silence for consent.
    case .order(let order):
      guard case .open(let opening) = order.job, sessions[order.session] != nil else { return }
      refuse(opening.partitions, order.number, reason, opening.holder, order.session)
    case .append(let appends):
      for append in appends where sessions[append.session] != nil {
        actions.append(
          .answer(.appendFailed(number: append.number, reason: reason), session: append.session))
      }
    case .fold: break
    }
  }
}
