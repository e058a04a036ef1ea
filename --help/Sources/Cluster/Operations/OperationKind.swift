/// The operations that read a key, by their numbers on the wire.
public enum ReadKind: UInt64, Sendable {
  case get = 0
  case getVersion = 10

  @inline(__always)
  public var operation: any ReadOperation.Type {
    switch self {
    case .get: Get.self
    case .getVersion: GetVersion.self
    }
  }
}

/// The operations that write a key, by their numbers on the wire.
public enum WriteKind: UInt64, Sendable {
  case put = 1
  case delete = 2
  case compareAndPut = 7

  @inline(__always)
  public var operation: any WriteOperation.Type {
    switch self {
    case .put: Put.self
    case .delete: Delete.self
    case .compareAndPut: CompareAndPut.self
    }
  }
}
