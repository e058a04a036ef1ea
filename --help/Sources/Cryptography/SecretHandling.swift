import COpenSSL

/// Tells whether two secrets are equal, in a time that depends on their lengths only.
public func constantTimeEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
  first.count == second.count && CRYPTO_memcmp(first, second, first.count) == 0
}

/// The same for bytes in place.
public func constantTimeEqual(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Bool {
  guard first.count == second.count else { return false }
  guard first.count > 0, let one = first.baseAddress, let other = second.baseAddress else { return true }
  return CRYPTO_memcmp(one, other, first.count) == 0
}

/// Overwrites a secret with zeros, in a way that the compiler does not remove, and empties the array.
///
/// Works on this array's own storage: if the array was copied and both are alive, the other copy stays.
public func cleanse(_ secret: inout [UInt8]) {
  secret.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
  secret.removeAll(keepingCapacity: false)
}
