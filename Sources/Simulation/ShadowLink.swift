import Cluster
import Drone

/// A data loop's session with one shadow of its partitions.
final class ShadowLink {
  private let peer: Principal
  private unowned let loop: DataLoop
  private var session: Session?

  init(to peer: Principal, of loop: DataLoop) {
    self.peer = peer
    self.loop = loop
  }

  private var world: World { loop.drone.world }

  private func handle(_ event: ReplicationLinkCore.Event) { loop.handle(.shadow(peer, event)) }

  func perform(_ action: ReplicationLinkCore.Action) {
    switch action {
    case .dial: dial()
    case .close:
      guard let session else { return }
      session.close(from: session.dialler)
      loop.executor.post { [unowned self] in closed(session) }
    case .send(let messages):
      if let session { session.send(messages, from: session.dialler) }
    case .redial(let pause):
      loop.drone.after(pause, on: loop.executor) { [unowned self] in handle(.redialDue) }
    // The loop's core has seen to them.
    case .complete, .report: break
    }
  }

  private func closed(_ session: Session) {
    guard self.session === session else { return }
    self.session = nil
    handle(.sessionClosed)
  }

  /// It is accepted on any loop of that drone, as the network has it.
  private func dial() {
    let principal = loop.drone.principal
    guard let target = world.drones.first(where: { $0.principal == peer }), target.isUp else {
      return loop.drone.after(world.random.number(1...4), on: loop.executor) { [unowned self] in
        handle(.dialFailed)
      }
    }
    let (life, index) = (target.life, loop.drone.random.index(target.loops.count))
    world.network.dial(
      from: loop.drone, on: loop.executor, to: target, at: target.loops[index].executor,
      accept: { [unowned target] session in
        target.life == life && target.loops[index].accept(session, from: principal)
      },
      completion: { [unowned self] session in
        guard let session else { return handle(.dialFailed) }
        self.session = session
        session.dialler.received = { [unowned self] bytes in received(bytes) }
        session.dialler.closed = { [unowned self] _ in closed(session) }
        handle(.sessionOpened)
      })
  }

  private func received(_ bytes: [UInt8]) {
    let answers = world.decode(ReplicationAnswer.self, bytes)
    loop.executor.perform([
      { [unowned self] in handle(.answered(answers)) }, { [unowned self] in handle(.readCompleted) },
    ])
  }
}
