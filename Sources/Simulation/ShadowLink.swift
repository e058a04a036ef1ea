import Cluster
import Drone

/// A data loop's session with one shadow of its partitions.
final class ShadowLink {
  private unowned let loop: DataLoop
  private var core: ReplicationLinkCore
  private var session: Session?

  init(to peer: Principal, of loop: DataLoop) {
    self.loop = loop
    core = ReplicationLinkCore(peer: peer)
  }

  private var world: World { loop.drone.world }

  func handle(_ event: ReplicationLinkCore.Event) {
    let actions = core.handle(
      event, &loop.core, canSend: session?.dialler.isOpen == true, now: loop.drone.now)
    loop.executor.perform(actions.map { action in { [unowned self] in perform(action) } })
  }

  private func perform(_ action: ReplicationLinkCore.Action) {
    switch action {
    case .dial: dial()
    case .close:
      guard let session else { return }
      session.close(from: session.dialler)
      closed()
    case .send(let messages):
      if let session { session.send(messages, from: session.dialler) }
    case .complete(let completions): loop.complete(completions)
    case .report: loop.drone.handle(.foundUnreachable(core.peer))
    case .redial(let pause):
      loop.drone.after(pause, on: loop.executor) { [unowned self] in handle(.redialDue) }
    }
  }

  private func closed() {
    session = nil
    handle(.sessionClosed)
    loop.pump()
  }

  private func dial() {
    let (principal, index) = (loop.drone.principal, loop.index)
    guard let target = world.drones.first(where: { $0.principal == core.peer }), target.isUp else {
      return loop.drone.after(world.random.number(1...4), on: loop.executor) { [unowned self] in
        handle(.dialFailed)
      }
    }
    let life = target.life
    world.network.dial(
      from: loop.drone, on: loop.executor, to: target, at: target.loops[index].executor,
      accept: { [unowned target] session in
        target.life == life && target.loops[index].accept(session, from: principal)
      },
      completion: { [unowned self] session in
        guard let session else { return handle(.dialFailed) }
        self.session = session
        session.dialler.received = { [unowned self] payload in received(payload) }
        session.dialler.closed = { [unowned self] _ in if self.session === session { closed() } }
        handle(.sessionOpened)
      })
  }

  private func received(_ payload: Any) {
    guard let answers = payload as? [ReplicationAnswer] else { return }
    loop.executor.perform(
      answers.map { answer in { [unowned self] in handle(.answered(answer)) } }
        + [{ [unowned self] in handle(.readCompleted) }, { [unowned self] in loop.pump() }])
  }
}
