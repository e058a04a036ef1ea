import COpenSSL

/// Memory for keys, one piece for the whole process: it is never swapped out and in no dump, has guard pages at both
/// ends, and is zeroed when it is given back. It is OpenSSL's own, so that private keys, key agreements and its random
/// generators use it too.
///
/// It is made when the first key is. `limit` bounds what Keyval takes of it, so that OpenSSL, which refuses a key when it
/// is full, never finds it so.
public enum SecureHeap {
  /// Bytes of all of it. Half of it, in pieces of 64 bytes, is the secrets of 4,096 sessions.
  static let size = 1 << 20
  static let limit = size / 2
  private static let smallestPiece = 32

  private enum State {
    case whole, unlocked, absent
  }

  private static let state: State =
    switch CRYPTO_secure_malloc_init(size, smallestPiece) {
    case 1: .whole
    case 2: .unlocked
    default: .absent
    }

  /// What is missing, as a sentence for a log; nil when nothing is. Keyval goes on without: keys are zeroed all the same.
  public static var shortcoming: String? {
    switch state {
    case .whole: nil
    case .unlocked:
      "the memory for keys may be swapped out: it cannot be locked (raise the limit of locked memory to 2 MiB: ulimit -l "
        + "2048, LimitMEMLOCK=2M)"
    case .absent: "there is no memory for keys that cannot be swapped out"
    }
  }

  /// Makes it, unless it is there. To be called before OpenSSL makes a key.
  static func prepare() { _ = state }

  /// Zeroed bytes; out of the ordinary memory when this one has no room for us.
  static func allocate(_ count: Int) -> UnsafeMutableRawPointer {
    prepare()
    let here = CRYPTO_secure_used() + count <= limit ? CRYPTO_secure_zalloc(count, nil, 0) : nil
    guard let pointer = here ?? CRYPTO_zalloc(count, nil, 0) else {
      stopForBrokenOpenSSL("allocate memory for a key")
    }
    return pointer
  }

  /// Zeroes and gives back, wherever it is from.
  static func free(_ pointer: UnsafeMutableRawPointer, _ count: Int) {
    CRYPTO_secure_clear_free(pointer, count, nil, 0)
  }

  static func holds(_ pointer: UnsafeRawPointer) -> Bool { CRYPTO_secure_allocated(pointer) == 1 }
}
