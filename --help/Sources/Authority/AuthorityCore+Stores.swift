import Cluster

/// What the authority knows of the databases' stores.
struct StoreWatch: Sendable {
  struct Acceptance: Sendable {
    let request: StoreAcceptance
    let administrator: Principal
  }

  /// As the register has it.
  var known: [Principal: KnownStore]
  /// What a database shows, and is not to use.
  var held: [Principal: StoreReport] = [:]
  /// On their way to the register.
  var judging: Set<Principal> = []
  /// By operation.
  var acceptances: [UInt64: Acceptance] = [:]

  init(known: [Principal: KnownStore]) { self.known = known }
}

/// A database may not use its store before the register has been asked: it may be another one than the cluster knows, or
/// an older state of it, which nobody could tell from the store itself.
extension AuthorityCore {
  mutating func judge(_ report: StoreReport, of peer: Principal, wall: Int64) -> [AuthorityAction] {
    guard peer.role == .database else {
      return [refuse(peer, "only databases have stores, and \(peer) is none")]
    }
    // It comes again; its registration may be on its way to the register.
    guard nodes[peer] != nil else { return [] }
    if stores.held[peer] == report, let known = stores.known[peer] {
      return [verdict(report, known: known, to: peer)]
    }
    guard stores.judging.insert(peer).inserted else { return [] }
    return [.judgeStore(peer, report, now: wall)]
  }

  mutating func storeJudged(
    _ database: Principal, _ report: StoreReport, _ judgement: StoreJudgement
  ) -> [AuthorityAction] {
    stores.judging.remove(database)
    stores.known[database] = judgement.known
    switch judgement {
    case .accepted:
      stores.held[database] = nil
      return [verdict(report, known: nil, to: database)]
    case .held(let known):
      let isNew = stores.held.updateValue(report, forKey: database) != report
      return (isNew ? [.note(.storeHeld(database, report.mark, known: known))] : [])
        + [verdict(report, known: known, to: database)]
    }
  }

  private func verdict(_ report: StoreReport, known: KnownStore?, to database: Principal) -> AuthorityAction {
    let verdict = StoreVerdict(incarnation: report.incarnation, mark: report.mark, known: known)
    return .send(.storeVerdict(verdict), to: database)
  }

  // MARK: What an administrator asks

  func list(_ request: StoresRequest, for peer: Principal) -> [AuthorityAction] {
    guard administrators.contains(peer) else { return [refuse(peer, notAnAdministrator(peer))] }
    let standings = stores.known.keys.sorted().compactMap { database in
      stores.known[database].map { known in
        DatabaseStanding(database: database, known: known, held: stores.held[database]?.mark)
      }
    }
    return [.send(.storesAnswer(StoresAnswer(number: request.number, stores: standings)), to: peer)]
  }

  mutating func accept(_ request: StoreAcceptance, for peer: Principal, wall: Int64) -> [AuthorityAction] {
    let acceptance = StoreWatch.Acceptance(request: request, administrator: peer)
    guard administrators.contains(peer) else { return [refuse(acceptance, notAnAdministrator(peer))] }
    let database = request.database
    guard let held = stores.held[database] else {
      let reason =
        stores.known[database] == nil
        ? "no database \(database) has shown a store"
        : "\(database) shows no store that would have to be accepted"
      return [refuse(acceptance, reason)]
    }
    guard held.mark == request.mark else {
      return [refuse(acceptance, "\(database) shows \(held.mark) by now, and not what you name")]
    }
    let operation = nextOperation()
    stores.acceptances[operation] = acceptance
    let known = KnownStore(mark: request.mark, seenAt: wall)
    return [.acceptStore(operation: operation, database, known)]
  }

  mutating func storeAccepted(
    _ operation: UInt64, _ database: Principal, _ known: KnownStore
  ) -> [AuthorityAction] {
    guard let acceptance = stores.acceptances.removeValue(forKey: operation) else { return [] }
    stores.known[database] = known
    var actions: [AuthorityAction] = [
      .note(.storeAccepted(database, known.mark, by: acceptance.administrator)),
      .send(
        .storeAcceptanceAnswer(StoreAcceptanceAnswer(number: acceptance.request.number, refusal: nil)),
        to: acceptance.administrator),
    ]
    if let held = stores.held[database], held.mark == known.mark {
      stores.held[database] = nil
      actions.append(verdict(held, known: nil, to: database))
    }
    return actions
  }

  func refuse(_ acceptance: StoreWatch.Acceptance, _ reason: String) -> AuthorityAction {
    let answer = StoreAcceptanceAnswer(number: acceptance.request.number, refusal: reason)
    return .send(.storeAcceptanceAnswer(answer), to: acceptance.administrator)
  }

  private func notAnAdministrator(_ peer: Principal) -> String {
    "\(peer) is not among the ‘administrators’ in the authority's configuration"
  }
}
