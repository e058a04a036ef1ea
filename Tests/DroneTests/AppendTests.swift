import Cluster
import Testing
import Wire

@testable import Drone

@Suite("What goes to the database, and in which order")
struct AppendTests {
  @Test("nobody waits for all that another partition has: each has a share of an append")
  func shares() {
    var loop = TestLoop()
    let value = [UInt8](repeating: 0, count: 20_000)
    for write in 1...3 { _ = loop.put([UInt8(write)], value, 0, write: UInt64(write)) }
    _ = loop.put("a", "1", 1, write: 4)
    let first = loop.core.takeAppend()
    #expect(first.map(\.partition) == [Names.partition(1), Names.partition(0)], "the short one first")
    #expect(first.map(\.records.count) == [1, 1])
    #expect(loop.core.isUrgent, "the rest goes as soon as the answer is there")
    _ = loop.core.appended(loop.store(first))
    #expect(loop.core.takeAppend().map(\.firstSequence) == [2])
  }

  @Test("an append is long enough at some point; whoever was left out is first in the next")
  func length() {
    var loop = TestLoop()
    let value = [UInt8](repeating: 0, count: 30_000)
    for write in 1...20 { _ = loop.put([UInt8(write)], value, (write - 1) % 10, write: UInt64(write)) }
    let first = loop.core.takeAppend()
    #expect(first.map(\.partition) == (0...8).map(Names.partition))
    _ = loop.core.appended(loop.store(first))
    #expect(loop.core.takeAppend().first?.partition == Names.partition(9))
  }

  @Test("a record that takes a whole append gets one, whatever else is in a hurry")
  func longest() {
    var loop = TestLoop()
    let value = [UInt8](repeating: 0, count: Limits.maximumValueLength)
    let short = [UInt8](repeating: 0, count: 30_000)
    _ = loop.put([0], short, 0, write: 1)
    _ = loop.put([1], value, 1, write: 2)
    let first = loop.core.takeAppend()
    #expect(first.map(\.partition) == [Names.partition(0)])
    _ = loop.put([0], short, 0, write: 3)
    _ = loop.core.appended(loop.store(first))
    let second = loop.core.takeAppend()
    #expect(second.map(\.partition) == [Names.partition(1)])
    #expect(second.first?.records.count == 1)
    _ = loop.core.appended(loop.store(second))
    #expect(loop.core.takeAppend().map(\.partition) == [Names.partition(0)])
  }

  @Test("where somebody waits for the database, it goes before what is only written behind")
  func awaitedFirst() {
    var pair = ShadowedLoop()
    for partition in 0..<3 { pair.put("a", partition, .secured) }
    pair.put("a", 3, .durable)
    pair.talk()
    #expect(pair.owner.takeAppend().map(\.partition) == [3, 0, 1, 2].map(Names.partition))
  }

  @Test("what is only written behind gets its turn, however many wait for the database elsewhere")
  func turns() {
    var bounds = DataBounds()
    bounds.appendLength = 1
    var pair = ShadowedLoop(bounds)
    pair.put("a", 0, .secured)
    pair.talk()
    let stored = (0..<4).map { _ in
      pair.put("a", 3, .durable)
      pair.talk()
      let batches = pair.owner.takeAppend()
      pair.store(batches)
      return batches.map(\.partition)
    }
    #expect(stored == [3, 0, 3, 3].map { [Names.partition($0)] })
  }

  @Test("a record that takes a whole append does not take the turn of who was passed over")
  func keptTurn() {
    var bounds = DataBounds()
    (bounds.appendRoom, bounds.appendLength) = (1_000, 700)
    var pair = ShadowedLoop(bounds)
    func appended() -> [Partition] {
      let batches = pair.owner.takeAppend()
      pair.store(batches)
      return batches.map(\.partition)
    }
    pair.put("a", 0, .secured)
    for (partition, length) in [(1, 150), (2, 300), (3, 110)] {
      pair.put(String(repeating: "k", count: length), partition, .durable)
    }
    pair.talk()
    #expect(
      appended() == [1, 3].map(Names.partition), "the second finds no room, and the first of all no turn")
    pair.put("b", 1, .durable)
    pair.talk()
    #expect(appended() == [Names.partition(2)])
    #expect(appended() == [0, 1].map(Names.partition))
  }
}

/// A loop with four partitions whose shadow is in sync.
private struct ShadowedLoop {
  var owner: DataCore
  private var shadow = DataCore(incarnation: Incarnation(22))
  private let now = Instant(milliseconds: 10_000)
  private var number: UInt64 = 0

  init(_ bounds: DataBounds = DataBounds()) {
    owner = DataCore(incarnation: Incarnation(11), bounds: bounds)
    let set = Names.set(0..<4)
    let map = SlotMap(
      cluster: Names.cluster, term: Term(1), version: 1, expiry: Names.wall + 600, commander: Names.drone(1),
      drones: [1, 2].map { SlotMap.Drone(principal: Names.drone($0), endpoint: Names.node($0).endpoint) },
      owners: [Int?](repeating: 0, count: Partition.count),
      shadows: [[Int]](repeating: [1], count: Partition.count))!
    _ = owner.beginOpening(set, token: Names.token(1, 1), mode: .load)
    for partition in set {
      _ = owner.finishLoading(
        partition, token: Names.token(1, 1), sequence: 1, past: PastWrites())
    }
    owner.serve(set, until: now + 1_000_000)
    owner.install(map, mine: set, principal: Names.drone(1))
    shadow.install(map, mine: set, principal: Names.drone(2))
    owner.connected(Names.drone(2), life: Incarnation(22))
    talk()
    while owner.hasWaiting { store(owner.takeAppend()) }
  }

  mutating func store(_ batches: [PartitionBatch]) {
    _ = owner.appended(
      batches.map { batch in
        let end = batch.firstSequence - 1 + UInt64(batch.records.count)
        return .init(partition: batch.partition, result: .stored(through: end))
      })
  }

  mutating func put(_ key: String, _ partition: Int, _ level: AcknowledgementLevel) {
    number += 1
    var writer = CBORWriter()
    let replyTo = ReplyAddress(loop: 0, connection: 1, number: number)
    [UInt8](key.utf8).withUnsafeBytes { key in
      owner.execute(
        LocatedRequest(
          .put(number: number, write: number, retry: false, level: level, key: key, value: key),
          in: Names.partition(partition)),
        client: TestLoop.client, replyTo: replyTo, now: now, answers: &writer)
    }
  }

  /// What the owner says reaches the shadow, and its answers come back.
  mutating func talk() {
    while true {
      let messages = owner.replicate(to: Names.drone(2), now: now)
      if messages.isEmpty { return }
      for message in messages {
        guard let answer = shadow.receive(message, from: Names.drone(1), session: 1) else { continue }
        _ = owner.receive(answer, from: Names.drone(2), now: now)
      }
    }
  }
}
