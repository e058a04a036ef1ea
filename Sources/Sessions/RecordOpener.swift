import Cryptography

/// Opens one direction of a session into the caller's buffer, without an allocation a record.
///
/// A record that does not open ends the session: after an error the opener refuses everything.
/// Not thread-safe: it belongs to the event loop of its session.
public final class RecordOpener {
  private let state: UnsafeMutablePointer<RecordState>
  private let limits: RecordLimits
  private var failure: SessionError?

  init(secret: TrafficSecret, suite: CipherSuite, limits: RecordLimits) throws(CryptographyError) {
    self.limits = limits
    let initial = try RecordState(secret: secret, suite: suite, direction: .open)
    state = .allocate(capacity: 1)
    state.initialize(to: initial)
  }

  deinit {
    state.deinitialize(count: 1)
    state.deallocate()
  }

  /// The length of the whole record (length field included) that starts `buffer`, or `nil` while fewer than
  /// four bytes are there. The caller collects that many bytes and hands them to `open(_:)`.
  /// - Throws: ``SessionError/recordLengthRefused(_:)``, before anything is kept for the record.
  @inline(__always)
  public func recordLength(in buffer: UnsafeRawBufferPointer) throws(SessionError) -> Int? {
    guard buffer.count >= RecordFormat.lengthLength else { return nil }
    let sealed = Int(UInt32(bigEndian: buffer.loadUnaligned(as: UInt32.self)))
    guard sealed > RecordFormat.tagLength, sealed <= limits.recordBytes else {
      throw fail(.recordLengthRefused(sealed))
    }
    return RecordFormat.lengthLength + sealed
  }

  /// Opens one whole record.
  ///
  /// A change of the peer's key is done here and reported as ``RecordType/keyUpdate``.
  /// - Parameters:
  ///   - record: exactly the bytes that `recordLength(in:)` announced.
  ///   - plaintext: where the plaintext goes: at least as long as the record less four bytes. It may be the
  ///     record itself from its fifth byte on, but must not overlap it otherwise.
  /// - Returns: the type, and the content inside `plaintext`.
  /// - Throws: a ``SessionError`` that ends the session; every later call throws it again.
  @inline(__always)
  public func open(
    _ record: UnsafeRawBufferPointer, into plaintext: UnsafeMutableRawBufferPointer
  ) throws(SessionError) -> (type: RecordType, content: UnsafeRawBufferPointer) {
    if let failure { throw failure }
    guard let announced = try recordLength(in: record), announced == record.count
    else { throw fail(.recordLengthRefused(record.count)) }
    guard !state.pointee.isExhausted(limits) else { throw fail(.keyUpdateMissing) }

    let body = UnsafeRawBufferPointer(rebasing: record[RecordFormat.lengthLength...])
    let length: Int
    do {
      length = try state.pointee.cipher.open(
        nonce: state.pointee.nextNonce(),
        associatedData: UnsafeRawBufferPointer(rebasing: record[..<RecordFormat.lengthLength]),
        ciphertext: body, into: plaintext)
    } catch { throw fail(.recordDidNotOpen) }
    guard length == body.count - RecordFormat.tagLength else { throw fail(.recordDidNotOpen) }
    state.pointee.count(bytes: length)

    guard let type = RecordType(rawValue: plaintext[0]) else { throw fail(.unknownRecordType(plaintext[0])) }
    let content = UnsafeRawBufferPointer(rebasing: plaintext[RecordFormat.typeLength..<length])
    if type == .keyUpdate { try updateKey(content) }
    return (type, content)
  }

  /// Opens one whole record where it lies: see `open(_:into:)`.
  public func open(
    _ record: UnsafeMutableRawBufferPointer
  ) throws(SessionError) -> (type: RecordType, content: UnsafeRawBufferPointer) {
    guard record.count >= RecordFormat.lengthLength else { throw fail(.recordLengthRefused(record.count)) }
    return try open(
      UnsafeRawBufferPointer(record),
      into: UnsafeMutableRawBufferPointer(rebasing: record[RecordFormat.lengthLength...]))
  }

  private func updateKey(_ content: UnsafeRawBufferPointer) throws(SessionError) {
    guard content.isEmpty else { throw fail(.malformedRecord("a key update carries content")) }
    // The update itself was counted already.
    guard state.pointee.records > limits.recordsBeforeKeyUpdate else { throw fail(.keyUpdateTooSoon) }
    do { try state.pointee.advanceKey() } catch { throw fail(.cryptographyFailed("\(error)")) }
  }

  private func fail(_ error: SessionError) -> SessionError {
    failure = error
    return error
  }
}
