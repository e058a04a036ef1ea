import Cluster
import Drone

/// An owner's session with a drone as its shadow, as its shell in the product: performs what `OwnerSessionCore` decides.
final class OwnerConnection {
  private let session: Session
  private unowned let loop: DataLoop
  private var core: OwnerSessionCore
  /// Records that are not read yet.
  private var waiting: [[UInt8]] = []

  var id: UInt64 { session.id }
  var owner: Principal { core.owner }

  init(_ session: Session, from owner: Principal, on loop: DataLoop) {
    self.session = session
    self.loop = loop
    core = OwnerSessionCore(owner: owner)
    session.acceptor.received = { [unowned self] bytes in
      waiting.append(bytes)
      read()
    }
    session.acceptor.closed = { [weak self] _ in if let self { self.loop.remove(self) } }
  }

  func close() {
    session.close(from: session.acceptor)
    loop.remove(self)
  }

  private func read() {
    guard core.mayRead, !waiting.isEmpty else { return }
    received(waiting.removeFirst())
  }

  private func received(_ bytes: [UInt8]) {
    guard loop.admits(owner),
      let portions = bytes.withUnsafeBytes({ try? core.part($0, on: loop.index, of: loop.drone.placement) })
    else { return close() }
    for portion in portions.dropFirst() { forward(portion, bytes.count) }
    if let own = portions.first { receive(own) }
  }

  /// What it has taken it says only when that is in its journal for certain.
  private func receive(_ portion: OwnerSessionCore.Portion) {
    let (loop, session) = (loop, session)
    loop.receive(portion, from: owner) { [unowned loop] answers in
      loop.say { session.send(answers, from: session.acceptor) }
    }
  }

  private func forward(_ portion: OwnerSessionCore.Portion, _ count: Int) {
    core.sent(count)
    let (other, owner, id) = (loop.drone.loops[portion.loop], owner, id)
    other.executor.post { [unowned other, unowned loop] in
      other.receive(portion, from: owner) { [unowned other, unowned loop] answers in
        other.say {
          loop.executor.post { [unowned loop] in loop.owner(id)?.returned(answers, count) }
        }
      }
    }
  }

  private func returned(_ answers: [ReplicationAnswer], _ count: Int) {
    core.returned(count)
    session.send(answers, from: session.acceptor)
    if !waiting.isEmpty { loop.executor.post { [unowned loop, id] in loop.owner(id)?.read() } }
  }
}

extension DataLoop {
  /// Receives what an owner says, message by message.
  fileprivate func receive(
    _ portion: OwnerSessionCore.Portion, from owner: Principal,
    then say: @escaping ([ReplicationAnswer]) -> Void
  ) {
    var answers: [ReplicationAnswer] = []
    executor.perform(
      portion.messages.map { message in
        { [unowned self] in
          if let answer = receive(message, of: portion, from: owner) { answers.append(answer) }
        }
      } + [{ say(answers) }])
  }
}
