/// SipHash (Aumasson and Bernstein, INDOCRYPT 2012): who does not know the seed cannot choose inputs that collide. Inputs
/// here are keys, most of them short, and each is hashed whole: the standard library's hasher takes its input piece by
/// piece, which costs more than the hash.
struct SipHash {
  private let key: (UInt64, UInt64)

  init(_ first: UInt64, _ second: UInt64) { key = (first, second) }

  /// Of this process. The standard library has drawn it at random, unless it was told to hash the same in every process.
  static let ofProcess: SipHash = {
    func word(_ number: UInt64) -> UInt64 {
      var hasher = Hasher()
      hasher.combine(number)
      return UInt64(bitPattern: Int64(hasher.finalize()))
    }
    return SipHash(word(0), word(1))
  }()

  private struct State {
    var (v0, v1, v2, v3): (UInt64, UInt64, UInt64, UInt64)

    @inline(__always)
    mutating func round() {
      v0 &+= v1
      v2 &+= v3
      v1 = (v1 << 13 | v1 >> 51) ^ v0
      v3 = (v3 << 16 | v3 >> 48) ^ v2
      v0 = v0 << 32 | v0 >> 32
      v2 &+= v1
      v0 &+= v3
      v1 = (v1 << 17 | v1 >> 47) ^ v2
      v3 = (v3 << 21 | v3 >> 43) ^ v0
      v2 = v2 << 32 | v2 >> 32
    }
  }

  /// - Parameters:
  ///   - compression: rounds for eight bytes of the input.
  ///   - finalization: rounds at the end. 1 and 3 are what hash tables use, 2 and 4 what the paper proposes first.
  @inline(__always)
  func hash(_ bytes: UnsafeRawBufferPointer, compression: Int = 1, finalization: Int = 3) -> UInt64 {
    var state = State(
      v0: key.0 ^ 0x736f_6d65_7073_6575, v1: key.1 ^ 0x646f_7261_6e64_6f6d,
      v2: key.0 ^ 0x6c79_6765_6e65_7261, v3: key.1 ^ 0x7465_6462_7974_6573)
    var offset = 0
    while offset + 8 <= bytes.count {
      add(
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)), compression,
        &state)
      offset += 8
    }
    var last = UInt64(truncatingIfNeeded: bytes.count) << 56
    while offset < bytes.count {
      last |= UInt64(bytes[offset]) << UInt64(8 * (offset & 7))
      offset += 1
    }
    add(last, compression, &state)
    state.v2 ^= 0xff
    for _ in 0..<finalization { state.round() }
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3
  }

  @inline(__always)
  private func add(_ word: UInt64, _ rounds: Int, _ state: inout State) {
    state.v3 ^= word
    for _ in 0..<rounds { state.round() }
    state.v0 ^= word
  }
}
