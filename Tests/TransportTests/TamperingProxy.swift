import NIOCore
import NIOPosix
import Synchronization
import Transport

/// Stands between two sides and sees every length-prefixed frame and record; a hook may change them.
final class TamperingProxy: Sendable {
  enum Direction: Sendable { case toAcceptor, toInitiator }

  /// What becomes of one frame: its direction, its number in that direction, its bytes with the length.
  typealias Hook = @Sendable (Direction, Int, [UInt8]) -> [UInt8]

  let address: NodeAddress
  private let server: any Channel
  private let seen: Seen

  private init(server: any Channel, seen: Seen) {
    self.server = server
    address = NodeAddress(host: "127.0.0.1", port: server.localAddress?.port ?? 0)
    self.seen = seen
  }

  /// The frames that one direction carried.
  func frames(_ direction: Direction) -> [[UInt8]] { seen.frames(direction) }

  final class Seen: Sendable {
    private let frames = Mutex<[(Direction, [UInt8])]>([])
    func add(_ direction: Direction, _ frame: [UInt8]) { frames.withLock { $0.append((direction, frame)) } }
    func frames(_ direction: Direction) -> [[UInt8]] {
      frames.withLock { $0.filter { $0.0 == direction }.map(\.1) }
    }
  }

  static func start(
    to upstream: NodeAddress, hook: @escaping Hook = { _, _, bytes in bytes }
  ) async throws -> TamperingProxy {
    let seen = Seen()
    let group = TestService.group
    let server = try await ServerBootstrap(group: group)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { near in
        ClientBootstrap(group: near.eventLoop).channelOption(.autoRead, value: false)
          .connect(host: upstream.host, port: upstream.port).flatMapThrowing { far in
            try near.pipeline.syncOperations.addHandler(Relay(far, .toAcceptor, seen, hook))
            try far.pipeline.syncOperations.addHandler(Relay(near, .toInitiator, seen, hook))
            try near.syncOptions?.setOption(.autoRead, value: true)
            try far.syncOptions?.setOption(.autoRead, value: true)
          }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return TamperingProxy(server: server, seen: seen)
  }

  private final class Relay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let other: any Channel
    private let direction: Direction
    private let seen: Seen
    private let hook: Hook
    private var buffer = ByteBuffer()
    private var count = 0

    init(_ other: any Channel, _ direction: Direction, _ seen: Seen, _ hook: @escaping Hook) {
      self.other = other
      self.direction = direction
      self.seen = seen
      self.hook = hook
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      var bytes = unwrapInboundIn(data)
      buffer.writeBuffer(&bytes)
      while let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self),
        let frame = buffer.readBytes(length: 4 + Int(length))
      {
        seen.add(direction, frame)
        let out = hook(direction, count, frame)
        count += 1
        if !out.isEmpty { other.writeAndFlush(ByteBuffer(bytes: out), promise: nil) }
      }
    }

    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}

/// A bare TCP connection, for a peer that does not follow the protocol.
struct RawConnection {
  enum Event: Sendable {
    case received([UInt8])
    case closed
    var isClosed: Bool { if case .closed = self { true } else { false } }
  }

  let channel: any Channel
  let journal: Journal<Event>

  static func open(
    _ address: NodeAddress, closed: @escaping @Sendable () -> Void = {}
  ) async throws -> RawConnection {
    let journal = Journal<Event>()
    let channel = try await ClientBootstrap(group: TestService.group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Recorder(journal))
        }
      }
      .connect(host: address.host, port: address.port).get()
    channel.closeFuture.whenComplete { _ in closed() }
    return RawConnection(channel: channel, journal: journal)
  }

  func send(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

  var received: [UInt8] {
    journal.events.flatMap { event in if case .received(let bytes) = event { bytes } else { [] as [UInt8] } }
  }

  private final class Recorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let journal: Journal<Event>
    init(_ journal: Journal<Event>) { self.journal = journal }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      journal.append(.received(Array(unwrapInboundIn(data).readableBytesView)))
    }
    func channelInactive(context: ChannelHandlerContext) { journal.append(.closed) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
