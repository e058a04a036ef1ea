import Cryptography

/// Opens one direction of a session, in place, without an allocation a record.
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

  /// Opens one whole record where it lies.
  ///
  /// A change of the peer's key is done here and reported as ``RecordType/keyUpdate``.
  /// - Parameter record: exactly the bytes that `recordLength(in:)` announced. They are overwritten.
  /// - Returns: the type, and the content inside `record`.
  /// - Throws: a ``SessionError`` that ends the session; every later call throws it again.
  @inline(__always)
  public func open(
    _ record: UnsafeMutableRawBufferPointer
  ) throws(SessionError) -> (type: RecordType, content: UnsafeRawBufferPointer) {
    if let failure { throw failure }
    guard let announced = try recordLength(in: UnsafeRawBufferPointer(record)), announced == record.count
    else { throw fail(.recordLengthRefused(record.count)) }
    guard !state.pointee.isExhausted(limits) else { throw fail(.keyUpdateMissing) }

    let body = UnsafeMutableRawBufferPointer(rebasing: record[RecordFormat.lengthLength...])
    let length: Int
    do {
      length = try state.pointee.cipher.open(
        nonce: state.pointee.nextNonce(),
        associatedData: UnsafeRawBufferPointer(rebasing: record[..<RecordFormat.lengthLength]),
        ciphertext: UnsafeRawBufferPointer(body), into: body)
    } catch { throw fail(.recordDidNotOpen) }
    guard length == body.count - RecordFormat.tagLength else { throw fail(.recordDidNotOpen) }
    state.pointee.count(bytes: length)

    guard let type = RecordType(rawValue: body[0]) else { throw fail(.unknownRecordType(body[0])) }
    let content = UnsafeRawBufferPointer(rebasing: body[RecordFormat.typeLength..<length])
    if type == .keyUpdate { try updateKey(content) }
    return (type, content)
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
