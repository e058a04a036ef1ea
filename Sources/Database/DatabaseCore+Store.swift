import Cluster

/// A database uses its store once the authority has said that it is the one that the cluster knows, with everything that
/// it was known to have. Until then it writes nothing, hands out nothing, and takes no term: a store that is new, foreign
/// or behind would make everybody believe that what it lacks was never written.
///
/// What was said once holds for as long as the process has the file open, unless a drone shows by a receipt that it was
/// once further: the authority hears of each heartbeat's end only.
extension DatabaseCore {
  enum Use {
    /// The authority has not answered yet.
    case unknown
    case accepted
    /// The store that is known, or this one once, had come so far.
    case held(UInt64)

    /// What drones and a commander are told.
    var refusal: String {
      switch self {
      case .unknown:
        "this database waits for the authority to say that its store is the one that the cluster knows"
      case .held:
        "the store of this database is not the one that the cluster knows, or is behind it; an administrator decides "
          + "(keyval database list)"
      case .accepted: "the store is accepted"
      }
    }
  }

  var isAccepted: Bool {
    if case .accepted = use { return true }
    return false
  }

  /// Every heartbeat, for as long as there is something new to tell.
  mutating func report() {
    guard endpoint != nil else { return }
    // Until the authority knows how far it once was, it would take what is there now for all that was.
    if let proved {
      let once = StoreMark(identity: mark.identity, commit: proved)
      return actions.append(.report(StoreReport(incarnation: identity.incarnation, mark: once)))
    }
    guard !isAccepted || mark != told else { return }
    actions.append(.report(StoreReport(incarnation: identity.incarnation, mark: mark)))
  }

  mutating func receive(_ verdict: StoreVerdict, _ session: UInt64) {
    // An answer to another process of this database.
    guard verdict.incarnation == identity.incarnation, verdict.mark.identity == mark.identity else { return }
    if let proved {
      // Knows more by now, or as much: either way it will not take what is there for all that was.
      if verdict.mark.commit == proved { self.proved = nil }
      return
    }
    // An answer to one of before.
    guard verdict.mark.commit <= mark.commit else { return }
    if let known = verdict.known {
      // What has been accepted stays so: the file is the same, and open.
      guard !isAccepted else { return }
      if case .unknown = use { actions.append(.note(.storeHeld(mark, known: known))) }
      use = .held(known.mark.commit)
    } else {
      told = verdict.mark
      if !isAccepted { actions.append(.note(.storeAccepted(mark))) }
      if case .held(let known) = use { advance(beyond: known, session) }
      use = .accepted
    }
  }

  /// An operator has accepted a store that is behind. It goes on counting above everything that the lost one may have
  /// counted: copies and receipts from before are behind it then, and not the other way round.
  private mutating func advance(beyond known: UInt64, _ session: UInt64) {
    let base = max(mark.commit, known)
    guard base < 1 << 62 else { return }
    order(.advance(to: base + Self.acceptedStep), session)
  }

  /// More transactions than a store can commit in the time in which nobody hears of them.
  private static let acceptedStep: UInt64 = 1 << 20

  // MARK: Receipts

  /// In the order of the appends, one for each session that has not had it.
  mutating func giveReceipts(to appended: [UInt64]) {
    guard appended.contains(where: { sessions[$0].map { $0.receipt != mark } ?? false }) else { return }
    let receipt = receiptKey.receipt(of: mark)
    for session in appended where sessions[session].map({ $0.receipt != mark }) ?? false {
      sessions[session]?.receipt = mark
      actions.append(.answer(.receipt(receipt), session: session))
    }
  }

  /// A drone shows what it was given. Whatever it says, only this database's own seal counts.
  mutating func receive(_ receipt: StoreReceipt, from holder: Principal, _ wall: Int64) {
    guard receipt.mark.identity == mark.identity, receipt.mark.commit > max(mark.commit, proved ?? 0) else {
      return
    }
    guard receiptKey.hasSealed(receipt) else {
      return actions.append(.note(.receiptRefused(holder, receipt.mark)))
    }
    proved = receipt.mark.commit
    use = .held(receipt.mark.commit)
    let known = KnownStore(mark: receipt.mark, seenAt: wall)
    actions.append(.note(.storeHeld(mark, known: known)))
    report()
  }
}
