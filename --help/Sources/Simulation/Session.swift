import Cluster
import Wire

/// An authenticated session between two machines: what one side sends arrives in order or not at all. A cut
/// stalls it, and ends it if it lasts: for each side at its own time.
final class Session {
  /// One side of it.
  final class End {
    let machine: Machine
    let executor: Executor
    let life: Int
    fileprivate(set) var isOpen = true
    fileprivate var lastArrival: Int64 = 0
    var received: ([UInt8]) -> Void = { _ in }
    var closed: (String) -> Void = { _ in }

    init(_ machine: Machine, _ executor: Executor) {
      self.machine = machine
      self.executor = executor
      life = machine.life
    }
  }

  let id: UInt64
  let dialler: End
  let acceptor: End
  private unowned let world: World
  private var stalled: [(to: End, record: [UInt8]?)] = []

  init(_ world: World, dialler: End, acceptor: End) {
    self.world = world
    self.dialler = dialler
    self.acceptor = acceptor
    id = world.nextIdentifier()
  }

  private func other(_ end: End) -> End { end === dialler ? acceptor : dialler }

  /// Sends a record from this side.
  func send(_ record: [UInt8], from end: End) {
    guard end.isOpen, !record.isEmpty else { return }
    transmit(record, to: other(end))
  }

  /// Sends messages in as many records as they need: in one, nearly always.
  func send(_ messages: [some WireMessage], from end: End) {
    var writer = CBORWriter()
    for message in messages {
      let start = writer.count
      message.encode(into: &writer)
      let length = writer.count - start
      if length > Limits.maximumPlaintextLength {
        world.violated("\(end.machine.name) says something of \(length) bytes, which fits no record")
      }
      guard writer.count > Limits.maximumPlaintextLength else { continue }
      let bytes = writer.take()
      send(Array(bytes[..<start]), from: end)
      bytes[start...].withUnsafeBytes { writer.write(encoded: $0) }
    }
    send(writer.bytes, from: end)
  }

  func send(_ message: some WireMessage, from end: End) { send([message], from: end) }

  /// Ends it from this side; what was sent before still arrives. This side is told nothing.
  func close(from end: End) {
    guard end.isOpen else { return }
    end.isOpen = false
    transmit(nil, to: other(end))
  }

  /// When something that is sent to this end now arrives; nothing that is sent later arrives before.
  func reserve(at end: End) -> Int64 {
    let delay = world.network.delay(from: other(end).machine, to: end.machine)
    let arrival = max(end.lastArrival, world.time + delay)
    end.lastArrival = arrival
    return arrival
  }

  /// A nil record is the end of the session.
  private func transmit(_ record: [UInt8]?, to end: End) {
    let arrival = reserve(at: end)
    world.at(arrival) { [self] in arrive(record, at: end) }
  }

  private func arrive(_ record: [UInt8]?, at end: End) {
    guard end.isOpen else { return }
    if !stalled.isEmpty, stalled.contains(where: { $0.to === end }) { return stalled.append((end, record)) }
    if world.network.isCut(other(end).machine, end.machine) {
      stalled.append((end, record))
      world.network.stalled(self)
      return expire(end)
    }
    deliver(record, to: end)
  }

  private func deliver(_ record: [UInt8]?, to end: End) {
    guard end.machine.isUp, end.machine.life == end.life else { return }
    guard let record else { return lose(end, "closed by \(other(end).machine.name)") }
    end.executor.post { if end.isOpen { end.received(record) } }
  }

  /// Goes on after a cut.
  func resume() {
    for end in [dialler, acceptor] where !world.network.isCut(other(end).machine, end.machine) {
      let waiting = stalled.filter { $0.to === end }
      stalled.removeAll { $0.to === end }
      for entry in waiting { transmit(entry.record, to: end) }
    }
  }

  /// The cut lasts: the sender's retransmissions come to an end, and some time the receiver's patience too.
  private func expire(_ end: End) {
    let sender = other(end)
    world.after(world.network.random.number(800_000...8_000_000)) { [self] in
      guard stalled.contains(where: { $0.to === end }) else { return }
      stalled.removeAll { $0.to === end }
      lose(sender, "no acknowledgement")
      world.after(world.network.random.number(1_000...6_000_000)) { [self] in lose(end, "silence") }
    }
  }

  /// One machine has ended: its system tells the other if it can.
  func ended(_ machine: Machine) {
    let end = dialler.machine === machine && dialler.life < machine.life ? dialler : acceptor
    guard end.machine === machine, end.isOpen else { return }
    close(from: end)
  }

  private func lose(_ end: End, _ reason: String) {
    guard end.isOpen else { return }
    end.isOpen = false
    guard end.machine.isUp, end.machine.life == end.life else { return }
    end.executor.post { end.closed(reason) }
  }

  var isOver: Bool { !dialler.isOpen && !acceptor.isOpen }
}
