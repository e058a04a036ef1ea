import COpenSSL

/// A secret with one place in memory: copies of this value share it, and with the last of them it is zeroed. The place is
/// in the `SecureHeap`, while that has room.
public struct SecretBytes: Sendable {
  /// Written once, before anybody else has it.
  private final class Storage: @unchecked Sendable {
    let start: UnsafeMutableRawPointer
    let count: Int

    init(count: Int) {
      start = SecureHeap.allocate(max(count, 1))
      self.count = count
    }

    deinit { SecureHeap.free(start, max(count, 1)) }
  }

  private let storage: Storage
  public var count: Int { storage.count }

  /// - Parameter fill: writes the secret into zeroed bytes.
  public init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
    storage = Storage(count: count)
    fill(UnsafeMutableRawBufferPointer(start: storage.start, count: count))
  }

  /// Takes the bytes over: the array is zeroed, as far as nobody else shares its storage, and empty afterwards.
  public init(taking bytes: inout [UInt8]) {
    self.init(copying: bytes)
    cleanse(&bytes)
  }

  /// Copies bytes that the caller zeroes, or that are no secret (zeros, test vectors).
  public init(copying bytes: [UInt8]) {
    self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
  }

  /// Random bytes.
  public static func random(_ count: Int) -> SecretBytes {
    SecretBytes(count: count) { SecureRandom.fill($0) }
  }

  /// Lends the bytes. What the body copies of them is its own to zero.
  public func withUnsafeBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeRawBufferPointer(start: storage.start, count: storage.count))
  }

  /// Whether it is where it cannot be swapped out.
  var isInSecureHeap: Bool { SecureHeap.holds(storage.start) }
}

extension SecretBytes: Equatable {
  /// In a time that depends on the lengths only.
  public static func == (first: SecretBytes, second: SecretBytes) -> Bool {
    first.withUnsafeBytes { one in second.withUnsafeBytes { constantTimeEqual(one, $0) } }
  }
}

extension SecretBytes: CustomStringConvertible, CustomReflectable {
  /// Says how long it is; the bytes are never printed, nor shown to `dump`.
  public var description: String { "SecretBytes(\(count) bytes withheld)" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
