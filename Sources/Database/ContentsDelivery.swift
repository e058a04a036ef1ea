import Cluster

/// How far contents that a drone is owed have been handed out: what is said of each part, and what is told of the end.
public struct ContentsDelivery: Sendable {
  public let stream: ContentsStream
  /// Partitions of which not all has been handed out.
  private var rest: PartitionSet

  public init(_ stream: ContentsStream) {
    self.stream = stream
    rest = stream.opening.partitions
  }

  /// What the drone is told of the next part.
  public mutating func answer(_ part: StorePart) -> StoreAnswer {
    switch part {
    case .entries(let partition, let entries):
      return .contents(number: stream.number, partition: partition, entries: entries)
    case .end(let tail):
      rest.remove(tail.partition)
      return .opened(
        number: stream.number, partition: tail.partition, sequence: tail.sequence, inSync: tail.inSync,
        past: tail.past)
    }
  }

  // MARK: What the core is told

  /// Everything has been handed out.
  public var completed: DatabaseEvent { .streamed(stream.identifier) }

  public func failed(_ failure: StoreFailure) -> DatabaseEvent {
    .streamFailed(stream.identifier, rest: rest, failure)
  }

  /// The drone's session is over.
  public var abandoned: DatabaseEvent { failed(StoreFailure(.partial, told: "nobody is there")) }
}
