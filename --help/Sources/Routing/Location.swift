import Cluster

/// Where a key lives, by the newest slot map that the client has.
public struct Location: Hashable, Sendable {
  /// The drone that serves a key.
  public struct Owner: Hashable, Sendable {
    public let principal: Principal
    public let endpoint: Endpoint

    public init(principal: Principal, endpoint: Endpoint) {
      self.principal = principal
      self.endpoint = endpoint
    }
  }

  public let slot: Slot
  public let partition: Partition
  /// Nil while nobody owns the partition.
  public let owner: Owner?

  public init(slot: Slot, owner: Owner?) {
    self.slot = slot
    self.partition = slot.partition
    self.owner = owner
  }
}
