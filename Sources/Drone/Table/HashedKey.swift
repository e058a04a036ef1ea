/// A key in place with its hash, which is made once for all that a request does.
public struct HashedKey {
  public let bytes: UnsafeRawBufferPointer
  /// By a hash that is seeded for each process: a client cannot choose keys that collide.
  package let hash: UInt64

  @inline(__always)
  public init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    hash = SipHash.ofProcess.hash(bytes)
  }
}
