import Cluster
import Testing
import Wire

@testable import Drone

/// Turns everybody away who asks for more than so many requests.
private final class Limiter: RequestLimiter {
  var left = Int.max

  func consume(_ limit: RequestLimit, of principal: String, _ now: Instant) -> Int64? {
    left -= 1
    return left < 0 ? 40 : nil
  }
}

/// A session of alice on loop 0 of two, both of which serve all of their partitions.
private struct TestSession {
  static let placement = LoopPlacement(count: 2)
  static let client = ClientIncarnation(high: 1, low: 2)
  let loops: [GuardedLoop]
  var core: ClientSessionCore
  var now = Instant(milliseconds: 10_000)
  let limiter = Limiter()
  var hasRoom = true
  private(set) var last: ClientSessionCore.Outcome?
  private var number: UInt64 = 0

  init(_ list: String = "alice@KEYVAL.TEST *\n") throws {
    let shared = SharedPartitions()
    loops = (0..<2).map { index in
      GuardedLoop(
        DataLoopCore(
          index: index, placement: Self.placement, principal: Names.drone(1), timing: Timing(),
          data: DataCore(incarnation: Incarnation(11), shared: shared)))
    }
    core = ClientSessionCore(principal: "alice@KEYVAL.TEST", on: 0, of: DroneLoops(loops))
    core.connection = 5
    for index in loops.indices { serve(index, until: now + 2_000) }
    try install(list)
    core.beginCycle()
  }

  private func serve(_ index: Int, until end: Instant) {
    let (mine, token) = (Self.placement.partitions(of: index), Names.token(1, 1))
    loops[index].change { loop in
      _ = loop.data.beginOpening(mine, token: token, mode: .load)
      for partition in mine {
        _ = loop.data.finishLoading(partition, token: token, sequence: 1, past: PastWrites())
      }
      loop.data.serve(mine, until: end)
    }
  }

  /// - Parameter loop: nil: on all loops.
  mutating func install(_ list: String, on loop: Int? = nil) throws {
    let list = try AccessList(parsing: Array(list.utf8))
    let now = now
    for index in loops.indices where loop ?? index == index {
      loops[index].change { loop in
        _ = loop.handle(.accessListInstalled(list), now: now)
        _ = loop.handle(.denialsSet(true), now: now)
      }
    }
  }

  /// What a loop does when it has its turn.
  func turn(_ index: Int) -> [DataLoopCore.Action] {
    let now = now
    return loops[index].change { $0.endBatch(now: { now }) }
  }

  /// The other loops that are to have a turn.
  mutating func turns() -> [Int] {
    var turns: [Int] = []
    core.takeTurns { turns.append($0) }
    return turns
  }

  /// What it is answered by now.
  mutating func ask(_ request: DataRequest) throws -> DataAnswer? {
    var answers = CBORWriter()
    last = core.handle(
      LocatedRequest(request), hasRoom: hasRoom, limiter: limiter, now: now, answers: &answers)
    guard answers.count > 0 else { return nil }
    return try answers.withUnsafeBytes { buffer in
      var reader = CBORReader(buffer)
      return try DataAnswer(from: &reader)
    }
  }

  mutating func get(_ key: String) throws -> DataAnswer? {
    number += 1
    let number = number
    return try [UInt8](key.utf8).withUnsafeBytes { try ask(.get(number: number, key: $0)) }
  }

  mutating func put(_ key: String, _ level: AcknowledgementLevel = .secured) throws -> DataAnswer? {
    number += 1
    let number = number
    return try [UInt8](key.utf8).withUnsafeBytes {
      try ask(.put(number: number, write: number, retry: false, level: level, key: $0, value: $0))
    }
  }

  mutating func introduce() throws { _ = try ask(.introduce(number: 0, client: Self.client)) }

  /// A key whose partition is the loop's.
  static func key(of loop: Int, _ name: String = "key") -> String {
    (0..<100).map { "\(name)\($0)" }.first {
      let partition = [UInt8]($0.utf8).withUnsafeBytes { Slot(key: $0).partition }
      return placement.loop(of: partition) == loop
    }!
  }
}

@Suite("A client's session") struct ClientSessionCoreTests {
  private let here = TestSession.key(of: 0)
  private let there = TestSession.key(of: 1)

  @Test("requests are executed at once, whichever loop runs their partition") func executed() throws {
    var session = try TestSession()
    try session.introduce()
    for key in [here, there] {
      guard case .notFound? = try session.get(key), case .done? = try session.put(key, .memory),
        case .value? = try session.get(key)
      else { return #expect(Bool(false)) }
    }
  }

  @Test("a loop of which somebody has to be told has a turn, once, and then again when there is more to tell")
  func turns() throws {
    var session = try TestSession()
    try session.introduce()
    _ = try session.get(there)
    #expect(session.turns() == [])
    _ = try session.put(there, .memory)
    _ = try session.put(there, .memory)
    #expect(session.turns() == [1])
    #expect(session.turns() == [])
    _ = try session.put(there, .memory)
    #expect(session.turns() == [], "it is on its way")
    guard case .startWriteBehind? = session.turn(1).first else { return #expect(Bool(false)) }
    // With the write-behind that is due by now.
    _ = try session.put(there, .memory)
    #expect(session.turns() == [])
    // Nobody but the database is its second place, and it is not told by itself.
    _ = try session.put(there)
    #expect(session.turns() == [1])
    _ = try session.put(here)
    #expect(session.turns() == [], "its own loop has a turn in any case")
  }

  @Test("what waited is answered on the session's loop, whichever loop has its partition") func waiting()
    throws
  {
    var session = try TestSession()
    try session.introduce()
    #expect(try session.put(there) == nil)
    let partition = [UInt8](there.utf8).withUnsafeBytes { Slot(key: $0).partition }
    let completions = session.loops[1].change { $0.data.close([partition]) }
    #expect(completions.map(\.replyTo.loop) == [0] && completions.map(\.replyTo.connection) == [5])
  }

  @Test("what was let through by a list that has been replaced is not executed, also on another loop")
  func editions() throws {
    var session = try TestSession()
    try session.introduce()
    try session.install("alice@KEYVAL.TEST *\n", on: 1)
    guard case .unavailable(_, .busy)? = try session.put(there, .memory),
      case .unavailable(_, .busy)? = try session.get(there), case .done? = try session.put(here, .memory)
    else { return #expect(Bool(false)) }
    try session.install("alice@KEYVAL.TEST *\n", on: 0)
    guard case .unavailable(_, .busy)? = try session.put(here, .memory) else { return #expect(Bool(false)) }
    session.core.beginCycle()
    guard case .done? = try session.put(there, .memory), case .value? = try session.get(there) else {
      return #expect(Bool(false))
    }
  }

  @Test("a write needs an introduction, and a session has one") func introduction() throws {
    var session = try TestSession()
    guard case .failed(_, .notIntroduced)? = try session.put(here) else { return #expect(Bool(false)) }
    try session.introduce()
    #expect(session.core.client == TestSession.client.bound(to: "alice@KEYVAL.TEST"))
    #expect(try session.put(here) == nil, "it waits for its second place")
    try session.introduce()
    guard case .secondIntroduction? = session.last else { return #expect(Bool(false)) }
    #expect(session.core.client == TestSession.client.bound(to: "alice@KEYVAL.TEST"))
  }

  @Test("who has no right is denied, and told of once a second with those that came before") func denials()
    throws
  {
    var session = try TestSession("alice@KEYVAL.TEST r\n")
    try session.introduce()
    var told: [UInt64?] = []
    for pause in [0, 10, 10, 1_000] {
      session.now = session.now + Int64(pause)
      guard case .failed(_, .notPermitted)? = try session.put(there) else { return #expect(Bool(false)) }
      if case .denied(let count)? = session.last { told.append(count) }
    }
    #expect(told == [1, nil, nil, 3] && session.core.untoldDenials == nil)
    #expect(session.turns() == [])
  }

  @Test("who asks for more than his line permits is told when to come back, and nothing is executed")
  func limits() throws {
    var session = try TestSession("alice@KEYVAL.TEST * key requests=2\n")
    session.limiter.left = 1
    #expect(try session.get(here) != nil)
    guard case .limited(_, wait: 40)? = try session.get(here) else { return #expect(Bool(false)) }
    guard case .turnedAway? = session.last else { return #expect(Bool(false)) }
  }

  @Test("without room for answers everything is turned away that has one") func room() throws {
    var session = try TestSession()
    session.hasRoom = false
    guard case .unavailable(_, .busy)? = try session.get(there) else { return #expect(Bool(false)) }
    try session.introduce()
    #expect(session.core.client != nil)
  }

  @Test("so many questions may be under way, and the right to them is looked at again when they are answered")
  func questions() throws {
    var session = try TestSession("alice@KEYVAL.TEST rs\n")
    var asked: [ClientSessionCore.Question] = []
    for number in 0..<UInt64(ClientSessionCore.maximumQuestions) {
      #expect(try session.ask(.status(number: number)) == nil)
      if case .question(let question)? = session.last { asked.append(question) }
    }
    #expect(asked.count == ClientSessionCore.maximumQuestions)
    guard case .unavailable(99, .busy)? = try session.ask(.status(number: 99)) else {
      return #expect(Bool(false))
    }
    let first = session.core.answered(asked[0], now: session.now)
    #expect(first.refusal == nil && first.denials == nil)
    #expect(try session.ask(.status(number: 100)) == nil, "there is room for one more")
    try session.install("bob@KEYVAL.TEST *\n")
    let late = session.core.answered(asked[1], now: session.now)
    guard case .failed(1, .notPermitted)? = late.refusal else { return #expect(Bool(false)) }
    #expect(late.denials == 1)
  }

  @Test("answers that were read under a lease that is over do not leave") func lease() throws {
    var session = try TestSession()
    _ = try session.get(here)
    let now = session.now
    #expect(!session.core.mayLeave { now + 2_000 })
    #expect(session.core.mayLeave { now + 2_000 }, "they were thrown away")
  }

  @Test("without a map its client is sent to other drones") func map() throws {
    var session = try TestSession()
    guard case .unavailable(7, .noCommander)? = try session.ask(.topology(number: 7)) else {
      return #expect(Bool(false))
    }
    let map = ShadowPair.map(shadows: [], version: 3)
    let signed = Names.signed(map)
    let now = session.now
    session.loops[0].change { _ = $0.handle(.mapInstalled(signed, map), now: now) }
    guard case .topology(8, signed)? = try session.ask(.topology(number: 8)) else {
      return #expect(Bool(false))
    }
  }
}

@Suite("An owner's session with its shadow") struct OwnerSessionCoreTests {
  private let placement = LoopPlacement(count: 3)

  private func record(_ messages: [ReplicationMessage]) -> [UInt8] { messages.flatMap { $0.encoded() } }

  private func resume(_ partition: Int) -> ReplicationMessage {
    .resume(partition: Names.partition(partition), token: Names.token(1, 1))
  }

  @Test("what it says is parted by loop, in order, and carries the number of its greeting") func parts()
    throws
  {
    var core = OwnerSessionCore(owner: Names.drone(1))
    let said = record([.greet(session: 9), resume(3), resume(2), resume(1), resume(5), resume(4)])
    let portions = try said.withUnsafeBytes { try core.part($0, on: 1, of: placement) }
    #expect(portions.map(\.loop) == [1, 0, 2])
    #expect(
      portions.map(\.messages) == [
        [.greet(session: 9), resume(1), resume(4)], [resume(3)], [resume(2), resume(5)],
      ])
    #expect(portions.allSatisfy { $0.session == 9 })
    let later = try record([resume(0)]).withUnsafeBytes { try core.part($0, on: 1, of: placement) }
    #expect(later.map(\.loop) == [1, 0] && later[0].messages.isEmpty && later[1].session == 9)
  }

  @Test("of a record that is no sequence of messages nothing is taken") func malformed() {
    var core = OwnerSessionCore(owner: Names.drone(1))
    let said = record([resume(1)]) + [0xFF]
    #expect(throws: CBORError.self) { try said.withUnsafeBytes { try core.part($0, on: 1, of: placement) } }
  }

  @Test("an owner whose records are slow to be taken is not read until half of them are") func pace() {
    var core = OwnerSessionCore(owner: Names.drone(1))
    let length = OwnerSessionCore.maximumBytesUnderWay / 4
    for _ in 0..<4 { core.sent(length) }
    #expect(core.mayRead)
    core.sent(length)
    #expect(!core.mayRead)
    core.returned(length)
    core.returned(length)
    #expect(!core.mayRead, "not at once, or it would stop and go with every record")
    core.returned(length)
    #expect(core.mayRead)
  }
}
