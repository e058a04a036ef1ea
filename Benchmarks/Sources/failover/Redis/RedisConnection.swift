import Measuring
import NIOCore
import NIOPosix

/// A connection to one Redis node.
struct RedisConnection: Sendable {
  private let channel: any Channel

  /// Silence after which a node is given up, while connecting and while it owes an answer: as long as Keyval's
  /// client waits before it asks others.
  static let patience = TimeAmount.milliseconds(750)

  init(to address: RedisAddress) async throws {
    channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connectTimeout(Self.patience)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Replies()) }
      }
      .connect(host: address.host, port: address.port).get()
  }

  /// Sends a command and waits for its reply. One at a time.
  /// - Throws: when the connection has ended or the node is silent; the connection is closed then.
  func send(_ words: String...) async throws -> RESP {
    let answer = channel.eventLoop.makePromise(of: RESP.self)
    let written = channel.eventLoop.makePromise(of: Void.self)
    // A channel that was closed meanwhile has no handler any more that would say so.
    written.futureResult.cascadeFailure(to: answer)
    channel.writeAndFlush(Question(words: words, answer: answer), promise: written)
    return try await answer.futureResult.get()
  }

  func close() { channel.close(promise: nil) }
}

private struct Question: Sendable {
  let words: [String]
  let answer: EventLoopPromise<RESP>
}

/// Gives each reply to who asked.
private final class Replies: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = Question
  typealias OutboundOut = ByteBuffer

  private var received = ByteBuffer()
  private var answer: EventLoopPromise<RESP>?
  private var timer: Scheduled<Void>?
  private var hasEnded = false

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let question = unwrapOutboundIn(data)
    guard !hasEnded, context.channel.isActive, answer == nil else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    answer = question.answer
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: RedisConnection.patience) {
      bound.value.0.end(bound.value.1, BenchmarkError("it does not answer"))
    }
    var buffer = context.channel.allocator.buffer(capacity: 128)
    RESP.command(question.words, into: &buffer)
    context.write(wrapOutboundOut(buffer), promise: promise)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var part = unwrapInboundIn(data)
    received.writeBuffer(&part)
    do {
      while let reply = try RESP.read(from: &received) {
        timer?.cancel()
        let asker = answer
        answer = nil
        asker?.succeed(reply)
      }
      received.discardReadBytes()
    } catch {
      end(context, error)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(context, BenchmarkError("it has closed the connection"))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { end(context, error) }

  private func end(_ context: ChannelHandlerContext, _ error: any Error) {
    hasEnded = true
    timer?.cancel()
    let asker = answer
    answer = nil
    asker?.fail(error)
    context.close(promise: nil)
  }
}
