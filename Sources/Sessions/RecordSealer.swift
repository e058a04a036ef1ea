import Cryptography

/// Seals one direction of a session into the caller's buffer, without an allocation a record.
///
/// Not thread-safe: it belongs to the event loop of its session. The state lives behind a pointer, which the
/// optimiser treats better than the fields of a class.
public final class RecordSealer {
  private let state: UnsafeMutablePointer<RecordState>
  private let limits: RecordLimits

  init(secret: TrafficSecret, suite: CipherSuite, limits: RecordLimits) throws(CryptographyError) {
    self.limits = limits
    let initial = try RecordState(secret: secret, suite: suite, direction: .seal)
    state = .allocate(capacity: 1)
    state.initialize(to: initial)
  }

  deinit {
    state.deinitialize(count: 1)
    state.deallocate()
  }

  /// Room that the record of a plaintext (type byte included) needs in the caller's buffer.
  @inline(__always)
  public static func room(forPlaintext count: Int) -> Int {
    RecordFormat.lengthLength + count + RecordFormat.tailLength
  }

  /// Seals one plaintext: a ``RecordType`` byte, then the content.
  ///
  /// When the record is the last but one that its key may seal, the announcement of the next key follows it
  /// in the buffer, so that the limit holds without the caller knowing of it.
  /// - Parameters:
  ///   - plaintext: may lie in `buffer`, then exactly at `RecordFormat.lengthLength`.
  ///   - buffer: at least ``room(forPlaintext:)`` bytes.
  /// - Returns: the bytes to send, from the start of `buffer`.
  /// - Throws: ``SessionError/messageTooLarge(length:limit:)`` (nothing was sealed; the session goes on) or
  ///   ``SessionError/cryptographyFailed(_:)`` (the session is over).
  @inline(__always)
  public func seal(
    plaintext: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SessionError) -> Int {
    guard plaintext.count - RecordFormat.typeLength <= limits.contentBytes else {
      throw .messageTooLarge(
        length: plaintext.count - RecordFormat.typeLength, limit: limits.contentBytes)
    }
    precondition(
      !plaintext.isEmpty && plaintext[0] != RecordType.keyUpdate.rawValue,
      "a record starts with its type, and key updates are the sealer's own affair")
    precondition(
      buffer.count >= Self.room(forPlaintext: plaintext.count), "the buffer is too small for its record")
    let length = try sealRecord(plaintext, buffer)
    return isKeySpent ? length + (try updateKey(buffer, at: length)) : length
  }

  /// A small record in an array of its own: for notices, not for the data path.
  public func seal(_ type: RecordType, _ content: [UInt8] = []) throws(SessionError) -> [UInt8] {
    let plaintext = [type.rawValue] + content
    var record = [UInt8](repeating: 0, count: Self.room(forPlaintext: plaintext.count))
    let result = record.withUnsafeMutableBytes { target in
      plaintext.withUnsafeBytes { source in
        Result { () throws(SessionError) in try seal(plaintext: source, into: target) }
      }
    }
    record.removeLast(record.count - (try result.get()))
    return record
  }

  /// One more record would reach a limit, so that one must be the key update itself.
  @inline(__always)
  private var isKeySpent: Bool {
    state.pointee.records &+ 1 >= limits.recordsPerKey || state.pointee.bytes >= limits.bytesPerKey
  }

  private func updateKey(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(SessionError) -> Int {
    let type = RecordType.keyUpdate.rawValue
    let length = try withUnsafeBytes(of: type) { plaintext in
      Result { () throws(SessionError) in
        try sealRecord(plaintext, UnsafeMutableRawBufferPointer(rebasing: buffer[offset...]))
      }
    }.get()
    do { try state.pointee.advanceKey() } catch { throw .cryptographyFailed("\(error)") }
    return length
  }

  @inline(__always)
  private func sealRecord(
    _ plaintext: UnsafeRawBufferPointer, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(SessionError) -> Int {
    let sealedLength = plaintext.count + RecordFormat.tagLength
    buffer.storeBytes(of: UInt32(truncatingIfNeeded: sealedLength).bigEndian, as: UInt32.self)
    let written: Int
    do {
      written = try state.pointee.cipher.seal(
        nonce: state.pointee.nextNonce(),
        associatedData: UnsafeRawBufferPointer(rebasing: buffer[..<RecordFormat.lengthLength]),
        plaintext: plaintext,
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[RecordFormat.lengthLength...]))
    } catch { throw .cryptographyFailed("\(error)") }
    guard written == sealedLength else { throw .cryptographyFailed("a record came out in another length") }
    state.pointee.count(bytes: plaintext.count)
    return RecordFormat.lengthLength + sealedLength
  }
}
