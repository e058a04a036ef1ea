import Kerberos
import Measuring
import NIOCore
import NIOPosix
import Transport

/// What a caller says first, as somebody on the way can record it.
enum FirstFlight {
  /// Has somebody with a ticket dial a listener of ours in the drone's place.
  static func record(for drone: VictimCluster.Drone, of cluster: VictimCluster) async throws -> [UInt8] {
    let flight = VictimCluster.group.next().makePromise(of: [UInt8].self)
    let server = try await ServerBootstrap(group: VictimCluster.group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Recorder(flight))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let credential = try cluster.alice()
    guard let port = server.localAddress?.port else { throw BenchmarkError("the listener has no port") }
    let dial = Task { [name = cluster.name] in
      try await SessionDialer(cluster: name).dial(
        drone.principal, at: NodeAddress(host: "127.0.0.1", port: port), on: VictimCluster.group.next(),
        credential: { credential }, handler: { _, _ in Ignorant() })
    }
    // Nobody answers it, so it fails; when nothing was said before that, there is no flight.
    if case .failure(let error) = await dial.result { flight.fail(error) }
    let bytes = try await flight.futureResult.get()
    try await server.close()
    return bytes
  }

  private final class Recorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let flight: EventLoopPromise<[UInt8]>
    private var bytes: [UInt8] = []

    init(_ flight: EventLoopPromise<[UInt8]>) { self.flight = flight }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      bytes += Array(unwrapInboundIn(data).readableBytesView)
      // Four bytes of length, and so many more.
      let length = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      guard bytes.count >= 4 + length, bytes.count > 4 else { return }
      flight.succeed(bytes)
      context.close(promise: nil)
    }
  }
}
