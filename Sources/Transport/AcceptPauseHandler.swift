import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stands in the pipeline of a listening channel: accepts nothing for a moment when the process has no file descriptor,
/// or the machine no memory, for another connection.
///
/// Those who wait, wait in the kernel meanwhile. NIO alone would ask the kernel again at once, for ever: the listening
/// socket stays readable.
final class AcceptPauseHandler: ChannelInboundHandler {
  typealias InboundIn = any Channel
  typealias InboundOut = any Channel

  /// What happened, for the listener to tell, and to make room.
  enum Event {
    /// - Parameter isFirst: whether a connection was accepted since the pause before.
    case paused(IOError, isFirst: Bool)
    case accepting
  }

  private let pause: TimeAmount
  private let report: (Event) -> Void
  private var isShort = false
  private var timer: Scheduled<Void>?

  init(pause: Duration, report: @escaping (Event) -> Void) {
    self.pause = TimeAmount(pause)
    self.report = report
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isShort {
      isShort = false
      report(.accepting)
    }
    context.fireChannelRead(data)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? IOError, Self.isShortage(error.errnoCode), timer == nil else {
      return context.fireErrorCaught(error)
    }
    let channel = context.channel
    try? channel.syncOptions?.setOption(.autoRead, value: false)
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: pause) {
      bound.value.timer = nil
      // Fails on a channel that is closed by now: then there is nothing to accept any more.
      try? channel.syncOptions?.setOption(.autoRead, value: true)
    }
    let isFirst = !isShort
    isShort = true
    report(.paused(error, isFirst: isFirst))
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
    context.fireChannelInactive()
  }

  private static func isShortage(_ code: CInt) -> Bool {
    [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code)
  }
}
