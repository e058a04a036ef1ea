import Cluster

/// What a database starts from.
public struct StoreStanding: Sendable {
  public let term: Term
  /// Of the current and the previous term, in order of term and identifier.
  public let keys: [StoredSealingKey]
  public let receiptKey: ReceiptKey
}
