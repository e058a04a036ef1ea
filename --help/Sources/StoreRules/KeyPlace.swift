/// Where a key is among those of its partition: they are in order of their hashes, so that every part of a partition
/// grows alike, whatever keys somebody chooses. Keys of one hash are in order of their bytes.
package struct KeyPlace: Hashable, Sendable, Comparable {
  package let hash: UInt64
  package let key: [UInt8]

  package init(_ key: [UInt8]) {
    hash = key.withUnsafeBytes { KeyHash.hash($0) }
    self.key = key
  }

  /// As a column holds it: the order of byte strings is the order of places.
  package var bytes: [UInt8] { KeyHash.bytes(hash) + key }

  /// Nil for bytes that are no place's.
  package init?(bytes: some Collection<UInt8>) {
    self.init([UInt8](bytes.dropFirst(8)))
    guard KeyHash.bytes(hash).elementsEqual(bytes.prefix(8)) else { return nil }
  }

  package static func < (left: KeyPlace, right: KeyPlace) -> Bool {
    guard left.hash == right.hash else { return left.hash < right.hash }
    return left.key.lexicographicallyPrecedes(right.key)
  }
}

/// The hash by which keys are ordered at rest: never changed, since files are in its order. Whoever knows it can choose
/// keys of the same hash, and gains nothing by it.
enum KeyHash {
  static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var state: UInt64 = 0x6b65_7976_616c_6b65 ^ UInt64(bytes.count)
    var offset = 0
    // Whole words lie within: `bytes.count - offset` is what is left.
    while bytes.count - offset >= 8 {
      mix(&state, UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      offset += 8
    }
    var last: UInt64 = 0
    while offset < bytes.count {
      last = last << 8 | UInt64(bytes[offset])
      offset += 1
    }
    mix(&state, last)
    // The order is by the highest bits: all others must reach them.
    state = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
    state = (state ^ state >> 27) &* 0x94d0_49bb_1331_11eb
    return state ^ state >> 31
  }

  static func bytes(_ hash: UInt64) -> [UInt8] { withUnsafeBytes(of: hash.bigEndian) { [UInt8]($0) } }

  private static func mix(_ state: inout UInt64, _ word: UInt64) {
    state = (state ^ word) &* 0x9e37_79b9_7f4a_7c15
    state ^= state >> 32
  }
}
