import Kerberos
import Logging
import NIOCore
import Sessions

/// Messages between principals: the control plane of a node.
///
/// Like datagrams, but authenticated and in order within a session: `send` never waits and promises nothing;
/// a session is dialled on demand, reused (also one that the peer dialled) and dialled again after it broke.
/// All state lives on one event loop, where the events come too; every method may be called from any thread.
public final class PeerMesh: Sendable {
  public struct Configuration: Sendable {
    public var dialer: SessionDialer
    /// The credential to dial a principal with. Called on a thread that may block.
    public var credential: @Sendable (_ target: String) throws(KerberosError) -> InitiatorCredential
    /// Whether a session that is dialled ends with its ticket: the command session does not.
    public var endsWithTicket: @Sendable (_ target: String) -> Bool = { !$0.hasPrefix("keyval-command/") }
    /// Whether a peer that dialled and proved who it is may stay. Called on any event loop.
    public var accepts: @Sendable (SessionIdentity) -> Bool = { _ in true }
    public var logger: Logger

    /// For each principal.
    public var bounds = PeerRoute.Bounds()
    /// Draws from 0 up to 1, for pauses.
    public var random: @Sendable () -> Double = { Double.random(in: 0..<1) }

    public init(
      dialer: SessionDialer, logger: Logger,
      credential: @escaping @Sendable (_ target: String) throws(KerberosError) -> InitiatorCredential
    ) {
      self.dialer = dialer
      self.logger = logger
      self.credential = credential
    }
  }

  public let eventLoop: any EventLoop
  private let core: NIOLoopBound<PeerMeshCore>
  private let accepts: @Sendable (SessionIdentity) -> Bool

  /// - Parameters:
  ///   - eventLoop: the loop of the mesh. Sessions that it dials live here.
  ///   - events: called on `eventLoop`. What it sends in answer leaves in one record a session.
  public static func make(
    on eventLoop: any EventLoop, _ configuration: Configuration,
    events: @escaping @Sendable (PeerMeshEvent) -> Void
  ) async -> PeerMesh {
    let made = eventLoop.submit { PeerMesh(on: eventLoop, configuration, events: events) }
    // The closure throws nothing, so only a loop that is shut down fails here: a mistake of the caller.
    guard let mesh = try? await made.get() else { fatalError("the mesh's event loop is shut down") }
    return mesh
  }

  /// As `make`, when already on `eventLoop`.
  public init(
    on eventLoop: any EventLoop, _ configuration: Configuration,
    events: @escaping @Sendable (PeerMeshEvent) -> Void
  ) {
    eventLoop.preconditionInEventLoop()
    self.eventLoop = eventLoop
    accepts = configuration.accepts
    core = NIOLoopBound(PeerMeshCore(eventLoop, configuration, events), eventLoop: eventLoop)
  }

  /// For the node's ``SessionListener``: sessions accepted with it belong to the mesh.
  public var acceptingHandler: SessionHandlerFactory {
    { [self] identity, eventLoop in
      accepts(identity) ? PeerSessionHandler(core, meshLoop: self.eventLoop) : nil
    }
  }

  /// Sends bytes that are one or more whole messages (CBOR sequence) to a principal, over whichever session
  /// with it is the newest.
  public func send(_ messages: [UInt8], to principal: String) {
    run { $0.send(messages, to: principal) }
  }

  /// Sends over one session; dropped when it is over.
  public func send(_ messages: [UInt8], toSession id: UInt64) {
    run { $0.send(messages, toSession: id) }
  }

  /// Where a principal listens; `nil` forgets it. A new address is tried without a pause.
  public func setAddress(_ address: NodeAddress?, of principal: String) {
    run { $0.setAddresses(address.map { [$0] } ?? [], of: principal) }
  }

  /// Where a principal may listen, when several processes stand for it and one of them is active. When a dial fails,
  /// or the session is silent, the next one is tried; after the last comes the first.
  public func setAddresses(_ addresses: [NodeAddress], of principal: String) {
    run { $0.setAddresses(addresses, of: principal) }
  }

  /// Closes every session with a principal and drops what waits for it. It may be dialled again.
  public func close(peer principal: String, _ reason: SessionCloseReason = .finished) {
    run { $0.close(peer: principal, reason) }
  }

  /// The same for every principal of which this says so.
  public func close(
    reason: SessionCloseReason, peers isMeant: @escaping @Sendable (_ principal: String) -> Bool
  ) {
    run { $0.close(reason, peers: isMeant) }
  }

  public func close(session id: UInt64, _ reason: SessionCloseReason = .finished) {
    run { $0.close(session: id, reason) }
  }

  /// Closes everything; nothing is sent, dialled or reported any more.
  public func shutDown() {
    run { $0.shutDown() }
  }

  private func run(_ body: @escaping @Sendable (PeerMeshCore) -> Void) {
    if eventLoop.inEventLoop {
      body(core.value)
    } else {
      eventLoop.execute { [core] in body(core.value) }
    }
  }
}
