/// What a database stores of a partition: who may write it, how far it has been written, and who else has all that
/// was acknowledged.
///
/// The decisions about opening and appending are functions of this value alone, so that every store and the
/// simulator decide alike. A store reads it inside the very transaction that acts on the decision.
public struct PartitionFence: Hashable, Sendable {
  public let token: FencingToken
  public let holder: Principal
  public let incarnation: Incarnation
  /// The sequence at which the holder opened the partition: what it numbers comes after.
  public let base: UInt64
  /// Every record up to this number is stored.
  public var sequence: UInt64
  /// Whoever is on it has every acknowledged record, also those that are not stored yet.
  public var inSync: InSyncList
  /// The token under which the newest records got their numbers: what a copy must be of to be promoted. That of the
  /// holder, unless it was promoted and has not stored all that it had in memory.
  public var numbering: FencingToken

  public init(
    token: FencingToken, holder: Principal, incarnation: Incarnation, base: UInt64, sequence: UInt64,
    inSync: InSyncList = .empty, numbering: FencingToken? = nil
  ) {
    self.token = token
    self.holder = holder
    self.incarnation = incarnation
    self.base = base
    self.sequence = sequence
    self.inSync = inSync
    self.numbering = numbering ?? token
  }

  /// What opening a partition comes to.
  public enum Opening: Hashable, Sendable {
    /// Store this fence in place of the old one.
    case raised(PartitionFence)
    /// The same holder in the same life shows the same token again; nothing changes.
    case repeated(PartitionFence)
    /// A higher token, or this one in other hands, has the partition.
    case fenced(by: FencingToken)
    /// Acknowledged writes may be in these memories alone.
    case copiesElsewhere([Holder])
    /// Whoever wants to be promoted has no copy that is in sync.
    case notInSync
  }

  /// Promoting leaves the numbering as it is and whoever is listed on the list, since until the promoted drone has stored
  /// what it had in memory the other copies are as good as its own. So is what the last owner had, in the life in which
  /// it had it, and from now on the list alone tells so: the fence is another's. The promoted drone empties the list
  /// before it numbers records itself.
  /// - Parameters:
  ///   - copy: the token under which the records of the copy to be promoted were numbered; nil: there is none.
  ///   - life: the life of the holder that had the copy, where that was an earlier one: it is in its journal.
  ///   - stored: nil when the partition was never opened.
  public static func opening(
    _ stored: PartitionFence?, token: FencingToken, holder: Principal, incarnation: Incarnation,
    mode: Grant.Mode = .load, copy: FencingToken? = nil, life: Incarnation? = nil
  ) -> Opening {
    guard let stored else {
      guard mode != .promote else { return .notInSync }
      return .raised(
        PartitionFence(token: token, holder: holder, incarnation: incarnation, base: 0, sequence: 0))
    }
    if stored.isHeld(by: holder, incarnation, token) { return .repeated(stored) }
    guard token > stored.token else { return .fenced(by: stored.token) }
    var raised = PartitionFence(
      token: token, holder: holder, incarnation: incarnation, base: stored.sequence,
      sequence: stored.sequence, inSync: stored.inSync)
    switch mode {
    case .load:
      guard stored.inSync.holders.isEmpty else { return .copiesElsewhere(stored.inSync.holders) }
    case .promote:
      let candidate = Holder(principal: holder, incarnation: life ?? incarnation)
      // The last owner has everything too, in the life in which it owned the partition.
      let isLastOwner = stored.holder == holder && stored.incarnation == candidate.incarnation
      // Where nothing was ever stored and nobody is listed nothing was acknowledged: an empty copy lacks nothing.
      let isUnwritten = stored.sequence == 0 && stored.inSync.holders.isEmpty
      guard copy == stored.numbering,
        isLastOwner || isUnwritten || stored.inSync.holders.contains(candidate)
      else {
        return .notInSync
      }
      // With nobody on the list, no other copy is as good as the database: the records that follow are its own.
      guard !stored.inSync.holders.isEmpty else { break }
      raised.numbering = stored.numbering
      // Whoever has not stored all of its own copy yet is on the list already, in the life that the copy is of.
      guard stored.numbering == stored.token else { break }
      raised.inSync = stored.inSync.adding(Holder(principal: stored.holder, incarnation: stored.incarnation))
    case .acceptLoss: raised.inSync = InSyncList(number: stored.inSync.number, holders: [])
    }
    return .raised(raised)
  }

  /// What appending a batch comes to.
  public enum Admission: Hashable, Sendable {
    /// Store the records behind the first `skipping`, which are stored already; then `through` is reached.
    case store(skipping: Int, through: UInt64)
    /// Every record of it is stored already, if it has any. Its list still counts.
    case stored(through: UInt64)
    case fenced(by: FencingToken)
    case gap(stored: UInt64)
  }

  /// - Parameters:
  ///   - batch: as the peer sent it.
  ///   - holder: the GSSAPI peer of the session that it came on.
  ///   - stored: nil when the partition was never opened.
  public static func admission(
    _ batch: PartitionBatch, from holder: Principal, stored: PartitionFence?
  ) -> Admission {
    guard let stored else { return .fenced(by: .none) }
    guard stored.isHeld(by: holder, batch.incarnation, batch.token) else {
      return .fenced(by: stored.token)
    }
    let (end, overflow) = batch.firstSequence.addingReportingOverflow(UInt64(batch.records.count))
    // A number at or below the base was given by an earlier owner: answering ‘stored’ to it would acknowledge
    // a write that is nowhere.
    guard !overflow, end <= UInt64(Int64.max), batch.firstSequence > stored.base,
      batch.firstSequence - 1 <= stored.sequence, !batch.records.isEmpty || batch.inSync != nil
    else { return .gap(stored: stored.sequence) }
    let through = end - 1
    guard through > stored.sequence else { return .stored(through: stored.sequence) }
    return .store(skipping: Int(stored.sequence - (batch.firstSequence - 1)), through: through)
  }

  /// Applies what an admitted batch says of records and of the list.
  public mutating func apply(_ batch: PartitionBatch, through reached: UInt64) {
    sequence = max(sequence, reached)
    guard let list = batch.inSync, list.number > inSync.number else { return }
    inSync = list
    // A promoted drone sends its first list when everything that it had in memory is stored.
    numbering = token
  }

  private func isHeld(by holder: Principal, _ incarnation: Incarnation, _ token: FencingToken) -> Bool {
    self.token == token && self.holder == holder && self.incarnation == incarnation
  }
}
