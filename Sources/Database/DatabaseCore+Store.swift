import Cluster

/// A database uses its store once the authority has said that it is the one that the cluster knows, with everything that
/// it was known to have. Until then it writes nothing, hands out nothing, and takes no term: a store that is new, foreign
/// or behind would make everybody believe that what it lacks was never written.
///
/// What was said once holds for as long as the process has the file open.
extension DatabaseCore {
  enum Use {
    /// The authority has not answered yet.
    case unknown
    case accepted
    case held

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
    #if KEYVAL_MUTATIONS
      if mutations.contains(.believeStore) { return true }
    #endif
    if case .accepted = use { return true }
    return false
  }

  /// Every heartbeat, for as long as there is something new to tell.
  mutating func report() {
    guard endpoint != nil, !isAccepted || mark != told else { return }
    actions.append(.report(StoreReport(incarnation: identity.incarnation, mark: mark)))
  }

  mutating func take(_ verdict: StoreVerdict) {
    // An answer to another process of this database, or to one of before.
    guard verdict.incarnation == identity.incarnation, verdict.mark.identity == mark.identity,
      verdict.mark.commit <= mark.commit
    else { return }
    if let known = verdict.known {
      // What has been accepted stays so: the file is the same, and open.
      guard !isAccepted else { return }
      if case .unknown = use { actions.append(.note(.storeHeld(mark, known: known))) }
      use = .held
    } else {
      told = verdict.mark
      if !isAccepted { actions.append(.note(.storeAccepted(mark))) }
      use = .accepted
    }
  }
}
