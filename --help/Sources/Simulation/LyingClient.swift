import Cluster
import Wire

/// A thief with the key of one client, which may do everything with keys of one prefix and nothing with any other. It sends
/// whatever is well-formed to any drone: also under the incarnations and the numbers of others' writes, and to the
/// partitions of others' keys. It knows all of them.
final class LyingClient: Machine {
  static let name = "x1"
  static let prefix = "stolen "
  private static let principal = "\(name)@\(Names.realm)"
  /// Of the access list.
  static let lines = "\(principal) * stolen\\s\n\(principal) -\n"

  static func mayUse(_ key: [UInt8]) -> Bool { key.starts(with: prefix.utf8) }

  /// What it is to itself, such as a number that it uses twice, is its own affair.
  static func isItself(_ client: ClientIncarnation) -> Bool { client.principalMark == mark }
  private static let mark = ClientIncarnation(high: 0, low: 0).bound(to: principal).principalMark

  var isLying = false { didSet { if isLying, !oldValue { lie() } } }
  var aiming: Aim?
  private var draw: SeededRandom
  private var sessions: [Session] = []
  private var lastNumber: UInt64 = 0
  private var ownKeys: [Partition: [UInt8]] = [:]

  init(_ world: World) {
    draw = SeededRandom(seed: world.seed, stream: 34)
    super.init(world, name: LyingClient.name)
  }

  override func ended() {
    sessions = []
    aiming?.sessions = []
    aiming?.dialling = []
  }

  private func lie() {
    control.post { [unowned self] in
      sessions.removeAll { !$0.dialler.isOpen }
      if sessions.count < 3, sessions.isEmpty || draw.chance(200_000) { dial() }
      if draw.chance(30_000), let session = sessions.popLast() { session.close(from: session.dialler) }
      if !sessions.isEmpty { speak(on: sessions[draw.index(sessions.count)]) }
    }
    // Whatever happens to its process, the thief goes on.
    world.after(draw.number(5_000...200_000)) { [unowned self] in lie() }
  }

  private func dial() {
    let drone = world.drones[draw.index(world.drones.count)]
    guard drone.isUp else { return }
    let (life, loop) = (drone.life, drone.loops[draw.index(drone.loops.count)].index)
    world.network.dial(
      from: self, on: control, to: drone, at: drone.loops[loop].executor,
      accept: { [unowned drone] session in drone.life == life && drone.loops[loop].accept(session) },
      completion: { [unowned self] session in
        guard let session else { return }
        sessions.append(session)
        var writer = CBORWriter()
        if draw.chance(900_000) { introduce(&writer) }
        session.send(writer.bytes, from: session.dialler)
      })
  }

  /// One record: some requests, or a flood of them.
  private func speak(on session: Session) {
    let count = draw.chance(50_000) ? 50 + draw.index(200) : 1 + draw.index(6)
    world.trace("\(name) sends \(count) requests to \(session.acceptor.machine.name)")
    var writer = CBORWriter()
    for _ in 0..<count { request(&writer) }
    session.send(writer.bytes, from: session.dialler)
  }

  // MARK: What it says

  private func request(_ writer: inout CBORWriter) {
    let foreign = Workload.anyKey(&draw)
    switch draw.index(24) {
    // It would end the session.
    case 0 where draw.chance(100_000): introduce(&writer)
    case 0, 1: DataRequest.topology(number: number()).encode(into: &writer)
    case 2:
      let drone = world.drones[draw.index(world.drones.count)].principal
      DataRequest.unreachable(number: number(), draw.chance(800_000) ? drone : Names.database).encode(
        into: &writer)
    case 3: DataRequest.status(number: number()).encode(into: &writer)
    case 4:
      let order = AdministratorOrder.allCases[draw.index(AdministratorOrder.allCases.count)]
      DataRequest.administer(number: number(), order, name: "d1").encode(into: &writer)
    case 5: DataRequest.sessions(number: number(), .endAll(of: Names.drone(0))).encode(into: &writer)
    case 6: get(foreign, &writer)
    case 7: put(foreign, &writer)
    case 8: delete(foreign, &writer)
    case 9: compareAndPut(foreign, &writer)
    case 10: put([], &writer)
    case 11: get(own(beside: foreign), &writer)
    case 12: delete(own(beside: foreign), &writer)
    case 13: compareAndPut(own(beside: foreign), &writer)
    default: put(own(beside: foreign), &writer)
    }
  }

  private func introduce(_ writer: inout CBORWriter) {
    let victim = world.clients[draw.index(world.clients.count)].incarnation
    let other = ClientIncarnation(high: draw.next(), low: UInt64(draw.index(3)))
    DataRequest.introduce(number: number(), client: draw.chance(800_000) ? victim : other).encode(
      into: &writer)
  }

  /// Seldom one that it has used before.
  private func number() -> UInt64 {
    if draw.chance(20_000) { return UInt64(draw.index(Int(clamping: lastNumber) + 1)) }
    lastNumber += 1
    return lastNumber
  }

  /// One that another client has used, or is about to use.
  private func write() -> UInt64 {
    let victim = world.clients[draw.index(world.clients.count)]
    return switch draw.index(10) {
    case 0: UInt64.max - UInt64(draw.index(3))
    case 1: draw.next()
    default: UInt64(1 + draw.index(Int(clamping: victim.lastRequest) + 20))
    }
  }

  /// A key of its own in the same partition.
  func own(beside foreign: [UInt8]) -> [UInt8] {
    let partition = Slot(key: foreign).partition
    if let known = ownKeys[partition] { return known }
    let key = sequence(first: 0) { $0 + 1 }.lazy.map { Array((Self.prefix + "\($0)").utf8) }
      .first { Slot(key: $0).partition == partition }
    ownKeys[partition] = key
    return key ?? []
  }

  /// No other client writes a value like that.
  private func value() -> [UInt8] { Array("forged ".utf8) + draw.bytes(draw.index(60)) }

  private var level: AcknowledgementLevel? {
    draw.chance(100_000) ? .durable : draw.chance(200_000) ? .memory : nil
  }

  private func get(_ key: [UInt8], _ writer: inout CBORWriter) {
    let number = number()
    let kind: ReadKind = draw.chance(300_000) ? .getVersion : .get
    key.withUnsafeBytes { DataRequest.read(ReadRequest(kind, number: number, key: $0)).encode(into: &writer) }
  }

  private func put(_ key: [UInt8], _ writer: inout CBORWriter) {
    let (number, write, retry, level, value) = (number(), write(), draw.chance(500_000), level, value())
    key.withUnsafeBytes { key in
      value.withUnsafeBytes { value in
        DataRequest.put(number: number, write: write, retry: retry, level: level, key: key, value: value)
          .encode(into: &writer)
      }
    }
  }

  private func delete(_ key: [UInt8], _ writer: inout CBORWriter) {
    let (number, write, retry, level) = (number(), write(), draw.chance(500_000), level)
    key.withUnsafeBytes { key in
      DataRequest.delete(number: number, write: write, retry: retry, level: level, key: key).encode(
        into: &writer)
    }
  }

  private func compareAndPut(_ key: [UInt8], _ writer: inout CBORWriter) {
    let (number, write, retry, level, value) = (number(), write(), draw.chance(500_000), level, value())
    let expected = draw.chance(500_000) ? nil : self.value()
    func encode(_ expected: UnsafeRawBufferPointer?, _ writer: inout CBORWriter) {
      key.withUnsafeBytes { key in
        value.withUnsafeBytes { value in
          DataRequest.compareAndPut(
            number: number, write: write, retry: retry, level: level, key: key, expected: expected,
            value: value
          ).encode(into: &writer)
        }
      }
    }
    guard let expected else { return encode(nil, &writer) }
    expected.withUnsafeBytes { encode($0, &writer) }
  }
}
