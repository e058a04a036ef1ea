import Cluster

/// A request, and where its key is: hashed once, for all that is done for it.
public struct LocatedRequest {
  public let request: DataRequest
  /// Nil where the request has no key.
  public let place: (partition: Partition, key: HashedKey)?

  @inline(__always)
  public init(_ request: consuming DataRequest) {
    place = request.key.map { (Slot(key: $0).partition, HashedKey($0)) }
    self.request = request
  }

  /// - Parameter partition: where its key is said to be, for tests.
  package init(_ request: consuming DataRequest, in partition: Partition) {
    place = request.key.map { (partition, HashedKey($0)) }
    self.request = request
  }
}
