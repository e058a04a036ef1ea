import Glibc
import Kerberos
import NIOCore
import NIOPosix
import Transport

/// Opens connections at a node, so many a second, and does with each what its kind says.
struct Attack: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    /// Says nothing, and stays.
    case halfOpen = "half-open connections"
    /// Sends what is no hello.
    case garbage = "connections that send garbage"
    /// Sends a first flight that was recorded: the node has to open the ticket in it.
    case replay = "handshakes that are replayed"
  }

  let kind: Kind
  let address: NodeAddress
  let perSecond: Int
  /// An honest caller's.
  let flight: [UInt8]

  /// Goes on until it is cancelled.
  /// - Returns: connections that were opened.
  func run() async -> Int {
    let opened = Count()
    let clock = ContinuousClock()
    let began = clock.now
    var begun = 0
    await withTaskGroup { group in
      while !Task.isCancelled {
        let due = Int((clock.now - began) / .seconds(1) * Double(perSecond))
        while begun < due {
          begun += 1
          group.addTask { if await once() { opened.add() } }
        }
        try? await Task.sleep(for: .milliseconds(5))
      }
      // Those that wait to be closed by the node are not waited for.
      group.cancelAll()
    }
    return opened.all
  }

  private func once() async -> Bool {
    // A node that has too many refuses, and that is what is measured.
    guard
      let channel = try? await ClientBootstrap(group: VictimCluster.group)
        .connectTimeout(.seconds(2)).connect(host: address.host, port: address.port).get()
    else { return false }
    switch kind {
    case .halfOpen: break
    case .garbage:
      channel.writeAndFlush(ByteBuffer(repeating: 0xff, count: 64), promise: nil)
    case .replay: channel.writeAndFlush(ByteBuffer(bytes: flight), promise: nil)
    }
    // The node closes it within a second or so; nobody else does.
    channel.eventLoop.scheduleTask(in: .seconds(3)) { channel.close(promise: nil) }
    return true
  }
}

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
