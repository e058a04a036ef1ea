import Cluster

/// A request, and where its key is: hashed once, for all that is done for it.
public struct LocatedRequest: ~Copyable {
  public let request: DataRequest
  /// Nil where the request has no key.
  public let place: (partition: Partition, key: HashedKey)?

  @inline(__always)
  public init(_ request: consuming DataRequest) {
    if let key = request.key { place = (Slot(key: key).partition, HashedKey(key)) } else { place = nil }
    self.request = request
  }

  /// - Parameter partition: where its key is said to be, for tests.
  package init(_ request: consuming DataRequest, in partition: Partition) {
    place = request.key.map { (partition, HashedKey($0)) }
    self.request = request
  }
}
