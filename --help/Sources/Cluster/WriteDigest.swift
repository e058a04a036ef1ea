/// What a write asks for, in 32 bits, so that a number that is used for another write is found out: that one is never
/// answered with the outcome of the first. It guards a client against itself alone, and need not resist anybody.
public enum WriteDigest {
  public static func of(_ request: WriteRequest) -> UInt32 {
    var hash = Self.mixed(0xcbf2_9ce4_8422_2325, mark(of: request.kind))
    hash = mixed(hash, request.key)
    hash = request.expected.map { mixed(hash, $0) } ?? mixed(hash, .max)
    hash = request.value.map { mixed(hash, $0) } ?? mixed(hash, .max)
    return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
  }

  /// As it stands in logs that were written before operations had their numbers here.
  private static func mark(of kind: WriteKind) -> UInt64 { kind == .compareAndPut ? 3 : kind.rawValue }

  /// Eight bytes a step, as a number of the same order of bytes on every machine.
  private static func mixed(_ hash: UInt64, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = mixed(hash, UInt64(bytes.count))
    var rest = bytes[...]
    while rest.count >= 8 {
      hash = mixed(hash, UInt64(littleEndian: rest.loadUnaligned(as: UInt64.self)))
      rest = rest.dropFirst(8)
    }
    return mixed(hash, rest.reduce(0) { $0 << 8 | UInt64($1) })
  }

  private static func mixed(_ hash: UInt64, _ word: UInt64) -> UInt64 {
    let product = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
    return product ^ product >> 29
  }
}
