import NIOCore
import NIOPosix
import Synchronization
import Transport

/// Somebody on the way between two sides, who sees every frame and record, and may do to them what he likes.
final class Relay: Sendable {
  enum Direction: Sendable { case toAcceptor, toInitiator }

  /// What becomes of a frame, by its direction and its number in that direction.
  typealias Treatment = @Sendable (Direction, Int, [UInt8]) -> [UInt8]

  let address: NodeAddress
  private let server: any Channel
  private let seen: Recording

  private final class Recording: Sendable {
    let frames = Mutex<[(direction: Direction, bytes: [UInt8])]>([])
  }

  private init(_ server: any Channel, _ seen: Recording) {
    self.server = server
    self.seen = seen
    address = NodeAddress(host: "127.0.0.1", port: server.localAddress?.port ?? 0)
  }

  /// Everything that went in one direction, as it was before the treatment.
  func bytes(_ direction: Direction) -> [UInt8] {
    seen.frames.withLock { $0.filter { $0.direction == direction }.flatMap(\.bytes) }
  }

  /// The same frame by frame, with their lengths.
  func frames(_ direction: Direction) -> [[UInt8]] {
    seen.frames.withLock { $0.filter { $0.direction == direction }.map(\.bytes) }
  }

  func close() { server.close(promise: nil) }

  static func start(
    to node: NodeAddress, _ treatment: @escaping Treatment = { _, _, bytes in bytes }
  ) async throws -> Relay {
    let seen = Recording()
    let server = try await ServerBootstrap(group: Probe.group)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { near in
        ClientBootstrap(group: near.eventLoop).channelOption(.autoRead, value: false)
          .connect(host: node.host, port: node.port).flatMapThrowing { far in
            try near.pipeline.syncOperations.addHandler(Half(far, .toAcceptor, seen, treatment))
            try far.pipeline.syncOperations.addHandler(Half(near, .toInitiator, seen, treatment))
            for channel in [near, far] { try channel.syncOptions?.setOption(.autoRead, value: true) }
          }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return Relay(server, seen)
  }

  private final class Half: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let other: any Channel
    private let direction: Direction
    private let seen: Recording
    private let treatment: Treatment
    private var buffer = ByteBuffer()
    private var count = 0

    init(
      _ other: any Channel, _ direction: Direction, _ seen: Recording, _ treatment: @escaping Treatment
    ) {
      self.other = other
      self.direction = direction
      self.seen = seen
      self.treatment = treatment
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      var bytes = unwrapInboundIn(data)
      buffer.writeBuffer(&bytes)
      while let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self),
        let frame = buffer.readBytes(length: 4 + Int(length))
      {
        seen.frames.withLock { $0.append((direction, frame)) }
        let out = treatment(direction, count, frame)
        count += 1
        if !out.isEmpty { other.writeAndFlush(ByteBuffer(bytes: out), promise: nil) }
      }
    }

    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}

/// Sends back whatever comes.
final class Mirror: Sendable {
  let address: NodeAddress
  private let server: any Channel

  private init(_ server: any Channel) {
    self.server = server
    address = NodeAddress(host: "127.0.0.1", port: server.localAddress?.port ?? 0)
  }

  static func start() async throws -> Mirror {
    Mirror(
      try await ServerBootstrap(group: Probe.group)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(Glass())
          }
        }
        .bind(host: "127.0.0.1", port: 0).get())
  }

  func close() { server.close(promise: nil) }

  private final class Glass: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      context.writeAndFlush(data, promise: nil)
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}

/// A bare TCP connection.
final class Wiretap: Sendable {
  private let channel: any Channel
  private let bytes = Mutex<[UInt8]>([])
  /// So many of them were taken as frames.
  private let taken = Mutex(0)
  private let isOver = Atomic(false)

  private init(_ channel: any Channel) { self.channel = channel }

  static func open(_ address: NodeAddress) async throws -> Wiretap {
    let channel = try await ClientBootstrap(group: Probe.group)
      .channelOption(.autoRead, value: false)
      .connect(host: address.host, port: address.port).get()
    let tap = Wiretap(channel)
    channel.closeFuture.whenComplete { _ in tap.isOver.store(true, ordering: .relaxed) }
    try await channel.eventLoop.submit {
      try channel.pipeline.syncOperations.addHandler(Ear(tap))
      try channel.syncOptions?.setOption(.autoRead, value: true)
    }.get()
    return tap
  }

  func send(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }
  func close() { channel.close(promise: nil) }

  /// The next frame or record that has come whole, with its length.
  func frame() async throws -> [UInt8] {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
      let wasOver = isOver.load(ordering: .relaxed)
      let frame: [UInt8]? = taken.withLock { taken in
        let rest = bytes.withLock { $0[taken...] }
        let length = 4 + rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        guard rest.count >= 4, rest.count >= length else { return nil }
        taken += length
        return Array(rest.prefix(length))
      }
      if let frame { return frame }
      if wasOver { break }
      try await Task.sleep(for: .milliseconds(1))
    }
    throw Probe.NothingCame(awaited: "a frame")
  }

  /// Everything that has come.
  var soFar: [UInt8] { bytes.withLock { $0 } }

  /// Everything that came, once the other side has closed.
  func all() async throws -> [UInt8] {
    let deadline = ContinuousClock.now + .seconds(20)
    while !isOver.load(ordering: .relaxed) {
      guard ContinuousClock.now < deadline else { throw Probe.NothingCame(awaited: "the end") }
      try await Task.sleep(for: .milliseconds(1))
    }
    return bytes.withLock { $0 }
  }

  private final class Ear: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let tap: Wiretap
    init(_ tap: Wiretap) { self.tap = tap }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let came = Array(unwrapInboundIn(data).readableBytesView)
      tap.bytes.withLock { $0 += came }
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
