import NIOCore
import Sessions

/// Carries what happens on one session to the mesh's event loop.
final class PeerSessionHandler: SessionHandler {
  private let core: NIOLoopBound<PeerMeshCore>
  private let meshLoop: any EventLoop
  /// Bytes on their way to another loop: beyond the limit the peer has to wait.
  private var bytesUnderWay = 0
  private static let bytesUnderWayLimit = 4 << 20

  init(_ core: NIOLoopBound<PeerMeshCore>, meshLoop: any EventLoop) {
    self.core = core
    self.meshLoop = meshLoop
  }

  func sessionOpened(_ session: Session) {
    let (reference, peer) = (SessionReference(session), PeerSession(session))
    onMesh { $0.opened(reference, peer) }
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    let (bytes, peer) = ([UInt8](messages), PeerSession(session))
    guard !meshLoop.inEventLoop else { return core.value.received(bytes, on: peer) }
    bytesUnderWay += bytes.count
    if bytesUnderWay > Self.bytesUnderWayLimit { session.pauseReading() }
    let back = NIOLoopBound((self, session), eventLoop: session.eventLoop)
    let sessionLoop = session.eventLoop
    meshLoop.execute { [core] in
      core.value.received(bytes, on: peer)
      sessionLoop.execute {
        let (handler, session) = back.value
        handler.bytesUnderWay -= bytes.count
        if handler.bytesUnderWay <= Self.bytesUnderWayLimit / 2 { session.resumeReading() }
      }
    }
  }

  func noticed(_ notice: SessionNotice, on session: Session) {
    let peer = PeerSession(session)
    onMesh { $0.noticed(notice, on: peer) }
  }

  func closed(_ session: Session, error: SessionError?) {
    let peer = PeerSession(session)
    onMesh { $0.closed(peer, error: error) }
  }

  private func onMesh(_ body: @escaping @Sendable (PeerMeshCore) -> Void) {
    if meshLoop.inEventLoop {
      body(core.value)
    } else {
      meshLoop.execute { [core] in body(core.value) }
    }
  }
}
