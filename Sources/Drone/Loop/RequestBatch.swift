import Cluster
import Wire

/// Some requests of a record, decoded in place, so that what they look for is fetched from memory for all of them at once:
/// one after the other each would wait for it alone. A data loop has one, for all its sessions.
///
/// Bounds: `items` has room for `capacity`, and those below `count` are initialized.
public struct RequestBatch: ~Copyable {
  /// So many misses of the cache the processors of today have under way at once, about.
  static let capacity = 16

  private let items = UnsafeMutablePointer<LocatedRequest>.allocate(capacity: capacity)
  private var count = 0

  public init() {}

  deinit {
    items.deinitialize(count: count)
    items.deallocate()
  }

  /// Decodes what comes next, as far as there is room.
  /// - Returns: why it ended before; what came until then is in the batch.
  public mutating func fill(from reader: inout CBORReader) -> CBORError? {
    do throws(CBORError) {
      while count < Self.capacity, !reader.isAtEnd {
        (items + count).initialize(to: LocatedRequest(try DataRequest(from: &reader)))
        count += 1
      }
      return nil
    } catch {
      return error
    }
  }

  /// Calls `body` with each request, in their order, and lets go of them, also where it throws.
  @inline(__always)
  public mutating func empty<Failure>(
    _ body: (borrowing LocatedRequest) throws(Failure) -> Void
  ) throws(Failure) {
    let filled = count
    defer {
      items.deinitialize(count: filled)
      count = 0
    }
    for index in 0..<filled { try body(items[index]) }
  }

  /// Calls `body` with each key. One alone is passed over: it has nobody to wait together with.
  @inline(__always)
  func forEachKey(_ body: (HashedKey, Partition) -> Void) {
    guard count > 1 else { return }
    for index in 0..<count {
      if let place = items[index].place { body(place.key, place.partition) }
    }
  }
}
