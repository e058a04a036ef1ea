import Logging
import NIOCore
import Sessions
import Synchronization
import Wire

/// One end of an authenticated session, on its event loop.
///
/// Messages are gathered by `write` and leave together: one record, one seal, one system call. Inside a read
/// cycle that happens by itself after `SessionHandler.readCompleted`; elsewhere `flush()` does it. Everything
/// here must be called on `eventLoop`; from other threads use ``SessionReference``.
public final class Session {
  /// Unique within the process.
  public let id: UInt64
  public let identity: SessionIdentity
  public let eventLoop: any EventLoop
  /// The peer's address, for people and logs. Proves nothing.
  public let remoteAddress: String
  /// Whether the session takes writes: it is neither over nor being closed.
  public var isOpen: Bool { context != nil && !isEnding }
  /// Whether the network keeps up. When not, whoever makes data stops until `writabilityChanged(true)`.
  public var isWritable: Bool { context?.channel.isWritable ?? false }

  /// What has come on it, in requests of a client or records of a node: its handler counts, for operators.
  public var requests: UInt64 = 0

  let limits: SessionLimits
  /// Whether the peer is a node of this cluster, or was dialled.
  let isNode: Bool
  /// Bytes of a record of which only a part has come.
  var partialBytes = 0
  private(set) var isEnding = false
  private(set) var endError: SessionError?
  var isInReadCycle = false
  private(set) var isReadingPaused = false
  var context: ChannelHandlerContext?
  var resumed: () -> Void = {}
  /// A peer that does not take its answers may not ask more. The acceptor alone holds back: if both did, two
  /// sides with much to say would wait for each other for ever.
  var isReadingHeld: Bool {
    isReadingPaused || (identity.role == .acceptor && (!isWritable || owesMuch && held.isTight))
  }
  /// Told once, when the connection is gone.
  private var whenEnded: ((SessionError?) -> Void)?

  private let sealer: RecordSealer
  /// The record being gathered, its type byte first.
  private var writer = CBORWriter()
  /// Records that are full, in order, not sealed yet so that they can still be discarded.
  private var full: [CBORWriter] = []
  private var outgoing = ByteBuffer()

  private let held: HeldBytes
  private let logger: Logger?
  /// What `held` knows of this session, what was sent since, and the next look.
  private var reportedBytes = 0
  /// When it last looked the network had not taken so much that it counts.
  private var owesMuch = false
  private var unreportedBytes = 0
  /// All that was sent, how much of it the network has taken, and since when it has taken nothing.
  private var sentBytes = 0
  private var takenBytes = 0
  private var takenAt = NIODeadline.now()
  private var look: Scheduled<Void>?

  private static let counter = Atomic<UInt64>(0)
  /// Buffers above this are given back after use: an idle session keeps no record's worth of memory.
  private static let keptCapacity = 64 << 10
  /// As long as what the allocator takes from the system, and gives back to it, by itself.
  private static let pieceBytes = 128 << 10

  init(
    _ established: EstablishedSession, eventLoop: any EventLoop, remoteAddress: String, limits: SessionLimits,
    held: HeldBytes, isNode: Bool, logger: Logger?
  ) {
    id = Self.counter.wrappingAdd(1, ordering: .relaxed).newValue
    identity = established.identity
    sealer = established.sealer
    self.eventLoop = eventLoop
    self.remoteAddress = remoteAddress
    self.limits = limits
    self.held = held
    self.isNode = isNode
    self.logger = logger
  }

  /// Gathers one message. Nothing leaves before the end of the read cycle or `flush()`.
  ///
  /// On a session that is over or closing it does nothing. `body` must not call into the session.
  /// - Throws: ``SessionError/messageTooLarge(length:limit:)`` when the message alone is larger than a record
  ///   holds; it is taken back, and the session goes on.
  @inline(__always)
  public func write(_ body: (inout CBORWriter) -> Void) throws(SessionError) {
    eventLoop.assertInEventLoop()
    guard !isEnding else { return }
    // The type's CBOR and its byte are the same: so the plaintext of the record needs no assembling.
    if writer.count == 0 { writer.write(unsigned: UInt64(RecordType.messages.rawValue)) }
    let start = writer.count
    body(&writer)
    if writer.count - RecordFormat.typeLength > limits.records.contentBytes { try split(at: start) }
  }

  /// Gathers bytes that are one or more whole messages already.
  public func write(messages bytes: UnsafeRawBufferPointer) throws(SessionError) {
    try write { $0.write(encoded: bytes) }
  }

  /// Gathers bytes that are one or more whole messages already.
  public func write(messages bytes: [UInt8]) throws(SessionError) {
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(SessionError) in try write(messages: buffer) }
    }
    try result.get()
  }

  /// Throws away what was gathered and not sealed: answers that may not be given any more.
  public func discardGathered() {
    full.removeAll()
    writer.removeAll()
  }

  /// Bytes that may be gathered before the peer is asked to come again: fewer when all sessions hold much.
  public var gatheringLimit: Int { held.isTight ? Self.tightGathering : limits.unsentBytes }
  private static let tightGathering = 256 << 10

  /// Bytes gathered and not sealed yet.
  public var gatheredBytes: Int { full.reduce(writer.count) { $0 + $1.count } }

  /// Seals what was gathered into one record (more only where it exceeds one) and sends it. Within a read
  /// cycle it waits for the cycle's end.
  public func flush() {
    eventLoop.assertInEventLoop()
    if !isInReadCycle { flushNow() }
  }

  /// Stops taking records from the peer, which soon stops sending: for a handler that has enough to do.
  /// Records of the present read cycle that are not handed over yet wait.
  public func pauseReading() { isReadingPaused = true }

  /// Takes records again.
  public func resumeReading() {
    guard isReadingPaused else { return }
    isReadingPaused = false
    if !isInReadCycle { resumed() }
  }

  /// Sends what was gathered, tells the peer why, and closes. No more records are handed over.
  public func close(_ reason: SessionCloseReason = .finished) {
    close(reason, error: nil)
  }

  func close(_ reason: SessionCloseReason, error: SessionError?) {
    eventLoop.assertInEventLoop()
    guard let context, !isEnding else { return }
    flushNow()
    guard !isEnding else { return }
    isEnding = true
    endError = error
    guard let record = try? sealer.seal(.close, [reason.rawValue]) else { return context.close(promise: nil) }
    leave(
      with: record, on: context.channel,
      // Nobody waits for this peer: not at the end of the process, and not when others need its place.
      patience: [.shuttingDown, .tooManySessions, .ended].contains(reason) ? .seconds(1) : limits.writeTime)
  }

  /// Sends the last record, then waits a moment for the peer to close: closing with its bytes unread would
  /// reset the connection, and the peer might never see that record.
  private func leave(with record: [UInt8], on channel: any Channel, patience: Duration) {
    let eventLoop = channel.eventLoop
    let sent = eventLoop.makePromise(of: Void.self)
    let deadline = eventLoop.scheduleTask(in: TimeAmount(min(patience, limits.writeTime))) {
      channel.close(promise: nil)
    }
    channel.closeFuture.whenComplete { _ in deadline.cancel() }
    sent.futureResult.whenComplete { _ in
      channel.close(mode: .output, promise: nil)
      let linger = eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
      channel.closeFuture.whenComplete { _ in linger.cancel() }
    }
    context?.writeAndFlush(NIOAny(channel.allocator.buffer(bytes: record)), promise: sent)
    context?.read()
  }

  /// Ends the session at once because of an error.
  func fail(_ error: SessionError) {
    guard !isEnding else { return }
    isEnding = true
    endError = error
    discardGathered()
    context?.close(promise: nil)
  }

  /// The connection is gone.
  func ended() -> SessionError? {
    if !isEnding { endError = .connectionLost("the other side, or the network, ended it") }
    isEnding = true
    context = nil
    discardGathered()
    look?.cancel()
    look = nil
    held.remove(id)
    whenEnded?(endError)
    whenEnded = nil
    return endError
  }

  /// Has `body` told of the end, at once when the connection is gone already.
  func onEnd(_ body: @escaping (SessionError?) -> Void) {
    if context == nil, isEnding { body(endError) } else { whenEnded = body }
  }

  func sendNotice(expiry: Int64) {
    flushNow()
    guard let context, !isEnding else { return }
    let content = withUnsafeBytes(of: expiry.bigEndian) { [UInt8]($0) }
    guard let record = try? sealer.seal(.expiryNotice, content) else {
      return fail(.cryptographyFailed("a notice could not be sealed"))
    }
    context.writeAndFlush(NIOAny(context.channel.allocator.buffer(bytes: record)), promise: nil)
  }

  func flushNow() {
    guard writer.count > RecordFormat.typeLength || !full.isEmpty, let context, !isEnding else { return }
    outgoing.clear()
    for record in full where !isEnding {
      seal(record)
      writePieces(on: context)
    }
    if writer.count > RecordFormat.typeLength, !isEnding { seal(writer) }
    guard !isEnding else { return }
    forgetGathered()
    writePieces(on: context)
    if outgoing.readableBytes > 0 {
      countSent(outgoing.readableBytes)
      context.write(NIOAny(outgoing), promise: nil)
    }
    context.flush()
    if unreportedBytes >= limits.uncountedBytes { countHeld() }
    // Usually NIO is through with the buffer now, and the next flush fills the same memory again.
    if outgoing.capacity > Self.keptCapacity { outgoing = ByteBuffer() }
  }

  /// Writes what is long in pieces, each a buffer of its own. The network gives a buffer back when it has taken all of
  /// it: of one long buffer a peer that reads no more would make this process keep all for the sake of its last byte.
  private func writePieces(on context: ChannelHandlerContext) {
    guard outgoing.readableBytes > Self.pieceBytes, !isEnding else { return }
    countSent(outgoing.readableBytes)
    while outgoing.readableBytes > 0 {
      let length = min(outgoing.readableBytes, Self.pieceBytes)
      var piece = context.channel.allocator.buffer(capacity: Self.pieceBytes)
      outgoing.readWithUnsafeReadableBytes { bytes in
        piece.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        return length
      }
      context.write(NIOAny(piece), promise: nil)
    }
    outgoing.clear()
  }

  private func countSent(_ bytes: Int) {
    unreportedBytes += bytes
    sentBytes &+= bytes
  }

  /// Tells what this session makes the process hold: what the network did not take, and a record's beginning. Looks
  /// again soon as long as that is much.
  func countHeld() {
    guard context != nil else { return }
    unreportedBytes = 0
    let unsent = unsentBytes
    let counted = unsent + partialBytes < limits.uncountedBytes ? 0 : unsent + partialBytes
    owesMuch = unsent >= limits.uncountedBytes
    if !isMoving(unsent: unsent, isNew: reportedBytes == 0) { return fail(.writeTimedOut) }
    if counted != reportedBytes {
      reportedBytes = counted
      held.report(counted, of: SessionReference(self), isNode: isNode)
    }
    guard counted > 0, look == nil else { return }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    look = eventLoop.scheduleTask(in: .milliseconds(100)) {
      let session = bound.value
      session.look = nil
      session.countHeld()
      // It may have been held back for what it held, or for what all held.
      if !session.isReadingHeld { session.resumed() }
    }
  }

  /// Whether the network has taken something of late: a peer that reads nothing holds what waits for it.
  private func isMoving(unsent: Int, isNew: Bool) -> Bool {
    let (taken, now) = (sentBytes &- unsent, eventLoop.now)
    if isNew || taken != takenBytes || unsent == 0 { (takenBytes, takenAt) = (taken, now) }
    return now - takenAt < TimeAmount(limits.writeTime)
  }

  /// Too much is held by all sessions, and by this one most, unless it has been taken meanwhile.
  func giveUpIfStillHolding() {
    let believed = reportedBytes
    reportedBytes = 0
    let bytes = unsentBytes + partialBytes
    guard bytes >= believed / 2 else { return countHeld() }
    let error = SessionError.heldTooMuch(bytes)
    logger?.warning(
      "session ended: all sessions together hold too much, and this one most",
      metadata: ["principal": "\(identity.peer)", "remote": "\(remoteAddress)", "bytes": "\(bytes)"])
    // It may be ending in order, and wait for the peer to take what was said before.
    if isEnding { context?.close(promise: nil) } else { fail(error) }
  }

  /// What the network has not taken yet.
  var unsentBytes: Int { (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0 }

  private func forgetGathered() {
    if !full.isEmpty { full.removeAll() }
    if writer.count > Self.keptCapacity { writer = CBORWriter() } else { writer.removeAll() }
  }

  private func seal(_ record: borrowing CBORWriter) {
    let room = RecordSealer.room(forPlaintext: record.count)
    var failure: SessionError?
    record.withUnsafeBytes { plaintext in
      _ = outgoing.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
        do throws(SessionError) {
          return try sealer.seal(plaintext: plaintext, into: target)
        } catch {
          failure = error
          return 0
        }
      }
    }
    if let failure { fail(failure) }
  }

  /// The last message does not fit behind the others: it begins the next record.
  private func split(at start: Int) throws(SessionError) {
    let length = writer.count - start
    guard length <= limits.records.contentBytes else {
      writer.truncate(to: start)
      throw .messageTooLarge(length: length, limit: limits.records.contentBytes)
    }
    var next = CBORWriter()
    next.write(unsigned: UInt64(RecordType.messages.rawValue))
    writer.withUnsafeBytes { next.write(encoded: UnsafeRawBufferPointer(rebasing: $0[start...])) }
    writer.truncate(to: start)
    full.append(writer)
    writer = next
  }
}
