import NIOCore
import Sessions

/// Between a channel's bytes and a session's handler: opens records, keeps the peer's pace, watches the time.
///
/// Synchronous throughout: no future, task or closure a record.
final class SessionChannelHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = Never
  typealias OutboundIn = Never
  typealias OutboundOut = ByteBuffer

  let session: Session
  let handler: any SessionHandler
  let clock: SessionClock

  private let opener: RecordOpener
  /// A record of which only a part has come.
  private var partial = ByteBuffer()
  private var hasReceived = false
  private var isReadWanted = false
  private var isDraining = false

  private static let keptCapacity = 64 << 10

  init(session: Session, opener: RecordOpener, handler: any SessionHandler) {
    self.session = session
    self.opener = opener
    self.handler = handler
    clock = SessionClock(session, handler)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    session.context = context
    session.resumed = { [weak self] in self?.resume() }
    clock.start()
  }

  /// The session's first act, once the handler stands in the pipeline.
  func open() {
    handler.sessionOpened(session)
    session.flush()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var incoming = unwrapInboundIn(data)
    clock.noteRead()
    session.isInReadCycle = true
    let hasProgressed: Bool
    if partial.readableBytes == 0 {
      hasProgressed = receive(&incoming)
      if incoming.readableBytes > 0 {
        partial.clear()
        partial.writeBuffer(&incoming)
      }
    } else {
      partial.writeBuffer(&incoming)
      hasProgressed = receivePartial()
    }
    notePartial(hasProgressed)
  }

  @inline(__always)
  private func notePartial(_ hasProgressed: Bool) {
    let bytes = partial.readableBytes
    clock.notePartial(bytes > 0, isNew: hasProgressed)
    let grew = bytes - session.partialBytes
    session.partialBytes = bytes
    if grew > 0, bytes >= session.limits.uncountedBytes { session.countHeld() }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    finishReadCycle()
  }

  private func finishReadCycle() {
    if hasReceived, !session.isEnding {
      hasReceived = false
      handler.readCompleted(on: session)
    }
    session.isInReadCycle = false
    session.flushNow()
    releaseRead()
  }

  func read(context: ChannelHandlerContext) {
    // What comes after this side has closed is read only to be dropped.
    if session.isReadingHeld, !session.isEnding { isReadWanted = true } else { context.read() }
  }

  private func releaseRead() {
    guard isReadWanted, let context = session.context, !session.isReadingHeld else { return }
    isReadWanted = false
    clock.noteResumed()
    context.read()
  }

  /// The handler takes records again: first those that are here already.
  private func resume() {
    guard !isDraining, session.context != nil else { return }
    isDraining = true
    session.isInReadCycle = true
    notePartial(receivePartial())
    finishReadCycle()
    isDraining = false
  }

  private func receivePartial() -> Bool {
    // Moved out, so that nothing is held while the handler runs.
    var buffer = partial
    partial = ByteBuffer()
    let hasProgressed = receive(&buffer)
    if buffer.readableBytes == 0 {
      buffer.clear()
      if buffer.capacity > Self.keptCapacity { return hasProgressed }
    }
    partial = buffer
    return hasProgressed
  }

  /// Opens and hands over every complete record in `buffer`.
  /// - Returns: whether there was one.
  private func receive(_ buffer: inout ByteBuffer) -> Bool {
    let scratch = LoopScratch.current.bytes
    let length = buffer.readWithUnsafeReadableBytes { bytes in
      var offset = 0
      do throws(SessionError) {
        while !session.isEnding, !session.isReadingPaused {
          let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
          guard let length = try opener.recordLength(in: rest), length <= rest.count else { break }
          let record = UnsafeRawBufferPointer(rebasing: rest[..<length])
          let (type, content) = try opener.open(record, into: scratch)
          offset += length
          if type == .messages {
            hasReceived = true
            handler.received(content, on: session)
          } else {
            try receiveControl(type, content)
          }
        }
      } catch { session.fail(error) }
      return session.isEnding ? bytes.count : offset
    }
    return length > 0
  }

  private func receiveControl(
    _ type: RecordType, _ content: UnsafeRawBufferPointer
  ) throws(SessionError) {
    switch type {
    case .messages, .keyUpdate: break
    case .close:
      guard content.count == 1, let reason = SessionCloseReason(rawValue: content[0]) else {
        throw .malformedRecord("a close without a known reason")
      }
      throw .closedByPeer(reason)
    case .expiryNotice:
      guard content.count == 8 else { throw .malformedRecord("a notice of \(content.count) bytes") }
      clock.noticeExpiry(at: Int64(bigEndian: content.loadUnaligned(as: Int64.self)))
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    let isWritable = context.channel.isWritable
    clock.noteWritability(isWritable)
    if !session.isEnding { handler.writabilityChanged(isWritable, on: session) }
    if isWritable { releaseRead() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? CloseSession { session.close(event.reason) }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    session.fail(.connectionLost("\(error)"))
  }

  func channelInactive(context: ChannelHandlerContext) { end() }

  func handlerRemoved(context: ChannelHandlerContext) { end() }

  private func end() {
    guard session.context != nil else { return }
    clock.stop()
    session.resumed = {}
    let error = session.ended()
    partial = ByteBuffer()
    handler.closed(session, error: error)
  }
}

/// Asks whatever a channel is at, a handshake or a session, to end.
struct CloseSession: Sendable {
  var reason: SessionCloseReason
}
