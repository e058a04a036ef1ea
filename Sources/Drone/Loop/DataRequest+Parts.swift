import Cluster

extension DataRequest {
  /// The number that its answer carries; nil when it is not answered.
  public var number: UInt64? {
    switch self {
    case .get(let number, _), .put(let number, _, _, _, _, _), .delete(let number, _, _, _, _),
      .compareAndPut(let number, _, _, _, _, _, _), .topology(let number), .status(let number),
      .administer(let number, _, _), .sessions(let number, _):
      number
    case .introduce, .unreachable: nil
    }
  }

  public var isWrite: Bool {
    switch self {
    case .put, .delete, .compareAndPut: true
    case .get, .introduce, .topology, .unreachable, .status, .administer, .sessions: false
    }
  }

  /// The partition of its key; nil when it has none.
  public var partition: Partition? {
    switch self {
    case .get(_, let key), .put(_, _, _, _, let key, _), .delete(_, _, _, _, let key),
      .compareAndPut(_, _, _, _, let key, _, _):
      Slot(key: key).partition
    case .introduce, .topology, .unreachable, .status, .administer, .sessions: nil
    }
  }
}
