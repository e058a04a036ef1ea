import Cluster
import Wire

/// Aims at what there is to lose: at the room that drones have where there is a ceiling, elsewhere at what they remember of
/// others' writes. What it asks is not much, or a store that is slow would have nothing else to do.
extension LyingClient {
  struct Aim {
    var draw: SeededRandom
    /// With each drone, by its number.
    var sessions: [Session?] = []
    var dialling: Set<Int> = []
    var lastNumber: UInt64 = 0
    /// Writes that it may still make.
    var budget = 400
    /// When it last aimed at a partition's writes.
    var last: [Partition: Int64] = [:]
    /// The drone that it fills, and until when.
    var victim = (drone: 0, end: Int64(0))
    /// What it has put.
    var filling: [[UInt8]] = []
    var asked: [UInt64: [UInt8]] = [:]

    init(seed: UInt64) { draw = SeededRandom(seed: seed, stream: 37) }

    mutating func number() -> UInt64 {
      lastNumber += 1
      return lastNumber
    }
  }

  func aim() {
    aiming = aiming ?? Aim(seed: world.seed)
    control.post { [unowned self] in
      guard var aim = aiming else { return }
      dialAll(&aim)
      if world.knobs.data.memory < 1 << 30 {
        if world.time < aim.victim.end { fill(&aim) } else { empty(&aim) }
      } else if world.knobs.data.history.outcomes <= 64 {
        flood(&aim)
      }
      aiming = aim
    }
    let pause = aiming?.draw.number(20_000...60_000) ?? 0
    world.after(pause) { [unowned self] in aim() }
  }

  // MARK: Sessions

  /// One with each drone, each under a name of its own.
  private func dialAll(_ aim: inout Aim) {
    for (number, drone) in world.drones.enumerated() {
      if aim.sessions.count <= number { aim.sessions.append(nil) }
      guard drone.isUp, aim.sessions[number]?.dialler.isOpen != true, aim.dialling.insert(number).inserted
      else { continue }
      let (life, loop) = (drone.life, aim.draw.index(drone.loops.count))
      world.network.dial(
        from: self, on: control, to: drone, at: drone.loops[loop].executor,
        accept: { [unowned drone] session in drone.life == life && drone.loops[loop].accept(session) },
        completion: { [unowned self] session in
          aiming?.dialling.remove(number)
          if let session, aiming != nil { opened(session, to: number) }
        })
    }
  }

  private func opened(_ session: Session, to drone: Int) {
    guard var aim = aiming else { return }
    defer { aiming = aim }
    aim.sessions[drone] = session
    aim.asked = [:]
    session.dialler.received = { [unowned self] bytes in answered(bytes) }
    var writer = CBORWriter()
    let client = ClientIncarnation(high: aim.draw.next(), low: 0)
    DataRequest.introduce(number: aim.number(), client: client).encode(into: &writer)
    session.send(writer.bytes, from: session.dialler)
  }

  private func answered(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      while !reader.isAtEnd, let answer = try? DataAnswer(from: &reader) {
        guard let key = aiming?.asked.removeValue(forKey: answer.number), case .done = answer else {
          continue
        }
        aiming?.filling.append(key)
        aiming?.budget -= 1
      }
    }
  }

  private func session(serving partition: Partition, _ aim: borrowing Aim) -> Session? {
    guard let drone = world.drones.firstIndex(where: { $0.isServing(partition) }),
      let session = aim.sessions[drone], session.dialler.isOpen
    else { return nil }
    return session
  }

  // MARK: What is remembered

  /// So many writes besides one that somebody has had no answer to that it would be forgotten, were they not all of one.
  private func flood(_ aim: inout Aim) {
    let count = world.knobs.data.history.outcomes + 8
    for client in world.clients where aim.budget >= count {
      guard let key = client.unanswered(for: 100_000) else { continue }
      let partition = Slot(key: key).partition
      guard world.time - aim.last[partition, default: 0] > 300_000,
        let session = session(serving: partition, aim)
      else { continue }
      aim.last[partition] = world.time
      aim.budget -= count
      world.trace("\(name) floods partition \(partition) at \(session.acceptor.machine.name)")
      var writer = CBORWriter()
      let own = own(beside: key)
      for _ in 0..<count { delete(own, aim.number(), &writer) }
      session.send(writer.bytes, from: session.dialler)
      // As somebody else the next time.
      if aim.draw.chance(500_000) { session.close(from: session.dialler) }
    }
  }

  // MARK: Room

  private func fill(_ aim: inout Aim) {
    let drone = world.drones[aim.victim.drone]
    guard let session = aim.sessions[aim.victim.drone], session.dialler.isOpen else { return }
    // With its list it fits an append.
    let value = [UInt8](repeating: 0x2b, count: min(8_000, world.knobs.data.appendRoom - 500))
    var writer = CBORWriter()
    for _ in 0..<20 where aim.asked.count < min(40, aim.budget) {
      let number = aim.number()
      let key = Array("\(Self.prefix)\(number)".utf8)
      guard drone.isServing(Slot(key: key).partition) else { continue }
      aim.asked[number] = key
      put(key, value, number, &writer)
    }
    session.send(writer.bytes, from: session.dialler)
  }

  /// What is there can always be deleted. Then the next is filled.
  private func empty(_ aim: inout Aim) {
    for _ in 0..<20 {
      guard let key = aim.filling.popLast() else {
        aim.victim = (aim.draw.index(world.drones.count), world.time + 2_000_000)
        return
      }
      guard let session = session(serving: Slot(key: key).partition, aim) else { continue }
      var writer = CBORWriter()
      delete(key, aim.number(), &writer)
      session.send(writer.bytes, from: session.dialler)
    }
  }

  // MARK: Requests

  private func put(_ key: [UInt8], _ value: [UInt8], _ number: UInt64, _ writer: inout CBORWriter) {
    key.withUnsafeBytes { key in
      value.withUnsafeBytes { value in
        DataRequest.put(number: number, write: number, retry: false, level: nil, key: key, value: value)
          .encode(into: &writer)
      }
    }
  }

  private func delete(_ key: [UInt8], _ number: UInt64, _ writer: inout CBORWriter) {
    key.withUnsafeBytes {
      DataRequest.delete(number: number, write: number, retry: false, level: nil, key: $0).encode(
        into: &writer)
    }
  }
}
