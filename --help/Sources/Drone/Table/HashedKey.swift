/// A key in place with its hash, which is made once for all that a request does.
package struct HashedKey {
  package let bytes: UnsafeRawBufferPointer
  /// By the standard library's hasher, which is seeded for each process: a client cannot choose keys that collide.
  package let hash: UInt64

  @inline(__always)
  package init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    var hasher = Hasher()
    hasher.combine(bytes: bytes)
    hash = UInt64(bitPattern: Int64(hasher.finalize()))
  }
}
