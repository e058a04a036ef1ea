/// What a database stores of a partition: who may write it, and how far it has been written.
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

  public init(
    token: FencingToken, holder: Principal, incarnation: Incarnation, base: UInt64, sequence: UInt64
  ) {
    self.token = token
    self.holder = holder
    self.incarnation = incarnation
    self.base = base
    self.sequence = sequence
  }

  /// What opening a partition comes to.
  public enum Opening: Hashable, Sendable {
    /// Store this fence in place of the old one.
    case raised(PartitionFence)
    /// The same holder in the same life shows the same token again; nothing changes.
    case repeated(PartitionFence)
    /// A higher token, or this one in other hands, has the partition.
    case fenced(by: FencingToken)
  }

  /// - Parameter stored: nil when the partition was never opened.
  public static func opening(
    _ stored: PartitionFence?, token: FencingToken, holder: Principal, incarnation: Incarnation
  ) -> Opening {
    guard let stored else {
      return .raised(
        PartitionFence(token: token, holder: holder, incarnation: incarnation, base: 0, sequence: 0))
    }
    if stored.isHeld(by: holder, incarnation, token) { return .repeated(stored) }
    guard token > stored.token else { return .fenced(by: stored.token) }
    return .raised(
      PartitionFence(
        token: token, holder: holder, incarnation: incarnation, base: stored.sequence,
        sequence: stored.sequence))
  }

  /// What appending a batch comes to.
  public enum Admission: Hashable, Sendable {
    /// Store the records behind the first `skipping`, which are stored already; then `through` is reached.
    case store(skipping: Int, through: UInt64)
    /// A repetition: every record of it is stored already.
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
      batch.firstSequence - 1 <= stored.sequence, !batch.records.isEmpty
    else { return .gap(stored: stored.sequence) }
    let through = end - 1
    guard through > stored.sequence else { return .stored(through: stored.sequence) }
    return .store(skipping: Int(stored.sequence - (batch.firstSequence - 1)), through: through)
  }

  private func isHeld(by holder: Principal, _ incarnation: Incarnation, _ token: FencingToken) -> Bool {
    self.token == token && self.holder == holder && self.incarnation == incarnation
  }
}
