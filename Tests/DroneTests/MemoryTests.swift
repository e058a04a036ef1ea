import Cluster
import Testing

@testable import Drone

@Suite("The memory ceiling") struct MemoryTests {
  private static let value = String(repeating: "v", count: 1_000)

  private static func bounds(_ memory: Int) -> DataBounds {
    var bounds = DataBounds()
    bounds.memory = memory
    return bounds
  }

  /// A loop that is filled until it refuses.
  private static func full(_ memory: Int = 100_000) -> (loop: TestLoop, keys: Int) {
    var loop = TestLoop(bounds: bounds(memory))
    for number in 1... {
      switch loop.put("\(number)", value, write: UInt64(number)) {
      case nil: loop.commit()
      case .failed(.memoryFull): return (loop, number - 1)
      case let answer: Issue.record("\(String(describing: answer))")
      }
    }
    fatalError("it ends when the loop is full, or the test when it is not")
  }

  @Test("at it a put is refused, also one that would not add a byte; gets, deletes and retries go on")
  func refusals() {
    var (loop, keys) = Self.full()
    #expect((60...110).contains(keys))
    #expect(loop.core.memory >= 100_000 && loop.core.memory < 102_000)
    #expect(loop.put("1", Self.value, write: 9_001) == .failed(.memoryFull))
    #expect(loop.compareAndPut("1", Self.value, "x", write: 9_002) == .failed(.memoryFull))
    #expect(loop.get("1") == .value([UInt8](Self.value.utf8)))
    #expect(loop.put("1", Self.value, write: 1, retry: true) == .done(existed: false))
    #expect(loop.delete("1", write: 9_003) == nil)
    #expect(loop.commit().completions == [loop.done(loop.lastNumber, existed: true)])
    #expect(loop.get("1") == .notFound)
  }

  @Test("writes under way are counted with what they will take once they are done")
  func writesUnderWay() {
    var loop = TestLoop(bounds: Self.bounds(100_000))
    var number = 0
    repeat { number += 1 } while loop.put("\(number)", Self.value, write: UInt64(number)) == nil
    #expect(loop.put("1", Self.value, write: 9_000) == .failed(.memoryFull))
    // Each is in the log by now, and will be in the table while it is there.
    #expect((30...45).contains(number))
    let before = loop.core.memory
    loop.commit()
    #expect(before < 104_000 && loop.core.memory <= before)
  }

  @Test("beyond what is kept a delete is put off while the database lacks another: it takes room until then")
  func deletesOneByOne() {
    var loop = TestLoop(bounds: Self.bounds(100_000))
    loop.core.setMemory(elsewhere: 124_000)
    #expect(loop.delete("1", write: 1) == nil && loop.delete("2", write: 2) == nil)
    loop.core.setMemory(elsewhere: 125_000)
    #expect(loop.delete("3", write: 3) == .unavailable(.busy))
    loop.commit()
    #expect(loop.delete("3", write: 3) == nil)
    #expect(loop.delete("4", write: 4) == .unavailable(.busy))
    loop.commit()
    #expect(loop.delete("4", write: 4) == nil)
  }

  @Test("puts are taken again once there is room, and not before it is worth it")
  func hysteresis() {
    var (loop, keys) = Self.full(4_000_000)
    func delete(_ number: Int) {
      #expect(loop.delete("\(number)", write: UInt64(10_000 + number)) == nil)
      loop.commit()
    }
    // What is dead counts until it is a quarter.
    var deleted = 0
    repeat {
      deleted += 1
      delete(deleted)
    } while loop.core.memory >= 4_000_000
    #expect(deleted <= keys / 3)
    #expect(loop.put("new", "1", write: 20_000) == .failed(.memoryFull))
    #expect(loop.core.replication(loop.now).memory.isFull)
    for number in (deleted + 1)...(keys / 2) { delete(number) }
    #expect(loop.put("new", Self.value, write: 20_001) == nil)
    #expect(!loop.core.replication(loop.now).memory.isFull)
  }

  @Test("what other loops hold, and what the process has besides, counts as well")
  func elsewhere() {
    var loop = TestLoop(bounds: Self.bounds(100_000))
    loop.core.setMemory(elsewhere: 100_000)
    #expect(loop.put("1", "1", write: 1) == .failed(.memoryFull))
    loop.core.setMemory(elsewhere: 50_000)
    #expect(loop.put("1", "1", write: 1) == nil)
  }

  @Test("what is counted is the sum of what is held, whatever is put, deleted, copied, promoted and given up")
  func sums() {
    var pair = ShadowPair.inSync()
    var random = SplitMix(seed: 5)
    func check(_ step: Int) {
      for core in [pair.ownerCore, pair.shadowCore] {
        #expect(core.memory == core.memoryRecounted, "step \(step)")
      }
    }
    for step in 0..<600 {
      let key = "\(random.next(in: 0...40))"
      if random.next(in: 0...2) == 0 {
        _ = pair.delete(key)
      } else {
        _ = pair.put(key, String(repeating: "x", count: Int(random.next(in: 0...300))))
      }
      switch random.next(in: 0...9) {
      case 0: pair.store()
      case 1: _ = pair.ownerCore.disconnected(pair.shadow)
      case 2: pair.connect()
      default: pair.talk()
      }
      check(step)
    }
    pair.connect()
    pair.talk()
    pair.store()
    #expect(pair.shadowCore.memory > 0)
    _ = pair.ownerCore.close([ShadowPair.partition])
    check(1_000)
    #expect(pair.ownerCore.memory > 0, "what it had it keeps as a copy")
    pair.ownerCore.forget([Holding(token: ShadowPair.token, partitions: [ShadowPair.partition])])
    #expect(pair.ownerCore.memory == 0)
    // What is promoted is the copy's until the database has it.
    let before = pair.shadowCore.memory
    let token = Names.token(2, 1)
    _ = pair.shadowCore.beginOpening([ShadowPair.partition], token: token, mode: .promote)
    _ = pair.shadowCore.promote(
      ShadowPair.partition, token: token, sequence: pair.fence.sequence,
      inSync: InSyncList(number: 9, holders: [Holder(principal: pair.owner, incarnation: Incarnation(1))]))
    check(1_001)
    #expect(pair.shadowCore.memory == before)
  }

  // MARK: Copies

  private static func entries(_ count: Int) -> [StoredEntry] {
    (0..<count).map {
      StoredEntry(
        key: [UInt8]("key \($0)".utf8), value: [UInt8](value.utf8),
        version: Version(fence: .none, sequence: UInt64($0 + 1)))
    }
  }

  @Test("a shadow without room keeps what it has and takes no more; its owner's writes go to the database")
  func recordsWithoutRoom() {
    var pair = ShadowPair.inSync()
    pair.shadowCore.gate = MemoryGate(bounds: Self.bounds(4_000))
    pair.shadowCore.setMemory(elsewhere: 5_000)
    #expect(pair.put("1", "1") == nil)
    #expect(pair.talk().isEmpty)
    #expect(pair.shadowCore.copies.count == 1, "it may be on the list")
    pair.store()
    #expect(pair.store().completions.count == 1 || pair.isListed == false)
    #expect(!pair.isListed && pair.ownerCore.memory > 0)
    #expect(pair.put("2", "1") == nil)
    #expect(pair.store().completions.count == 1, "nobody waits for the shadow")
    // Once there is room it goes on from what it has.
    pair.shadowCore.setMemory(elsewhere: 0)
    _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    pair.talk()
    pair.store()
    #expect(pair.isListed)
  }

  @Test("deletes are taken by a shadow that has no room: they make some")
  func deletesWithoutRoom() {
    var pair = ShadowPair.inSync()
    _ = pair.put("1", "1")
    #expect(pair.talk().count == 1)
    pair.shadowCore.gate = MemoryGate(bounds: Self.bounds(4_000))
    pair.shadowCore.setMemory(elsewhere: 5_000)
    #expect(pair.delete("1") == nil)
    #expect(pair.talk().count == 1)
  }

  @Test("a copy for which the room ends is thrown away, and begun again only where it could fit")
  func copiesWithoutRoom() {
    var pair = ShadowPair(entries: Self.entries(200))
    pair.shadowCore = DataCore(incarnation: ShadowPair.shadowLife, bounds: Self.bounds(100_000))
    pair.install(shadows: [1])
    pair.connect()
    pair.talk()
    #expect(pair.shadowCore.copies.isEmpty && pair.shadowCore.memory == 0)
    #expect(pair.put("1", "1") == nil)
    pair.talk()
    #expect(pair.store().completions.count == 1, "nobody waits for the shadow")
    // It is asked again and again, and nothing is sent for nothing.
    for _ in 0..<5 {
      _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
      let messages = pair.ownerCore.replicate(to: pair.shadow, now: pair.now)
      #expect(messages.count == 1)
      for message in messages {
        let answer = pair.shadowCore.receive(message, from: pair.owner, session: 1)
        #expect(answer == .refused(partition: ShadowPair.partition, token: ShadowPair.token))
        if let answer { _ = pair.ownerCore.receive(answer, from: pair.shadow, now: pair.now) }
      }
    }
    pair.shadowCore.gate = MemoryGate(bounds: Self.bounds(10_000_000))
    _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    pair.talk()
    pair.store()
    #expect(pair.isListed)
  }

  @Test("what clients cannot fill is kept for copies and for what is taken over")
  func reserve() {
    let gate = MemoryGate(bounds: Self.bounds(80_000))
    #expect(gate.hasRoomForCopy(held: 89_999) && !gate.hasRoomForCopy(held: 90_000))
    #expect(gate.hasRoomForRecords(held: 99_999) && !gate.hasRoomForRecords(held: 100_000))
    #expect(!gate.hasRoomForRecords(1, held: 99_999))
  }

  // MARK: Loading

  @Test(
    "a partition for which there is no room is not loaded, and the next that has none is not even asked for")
  func loadsWithoutRoom() {
    var core = DataCore(incarnation: Incarnation(1), bounds: Self.bounds(100_000))
    let (one, other) = (Names.partition(0), Names.partition(1))
    let token = Names.token(1, 1)
    #expect(core.withoutRoom([one, other], mode: .load) == [])
    _ = core.beginOpening([one], token: token, mode: .load)
    let fits = core.load(Self.entries(50), into: one, token: token)
    #expect(fits)
    let fitsToo = core.load(Self.entries(200), into: one, token: token)
    #expect(!fitsToo)
    core.abandonLoading([one], token: token)
    #expect(core.memory == 0)
    #expect(core.withoutRoom([one, other], mode: .load) == [one], "it is known what that one needs")
    #expect(core.withoutRoom([one], mode: .promote) == [], "what is promoted is here already")
    core.setMemory(elsewhere: 130_000)
    #expect(core.withoutRoom([other], mode: .load) == [other])
  }

  // MARK: The control side

  @Test("it is said once when it is reached, and once when it is left")
  func notes() throws {
    var drone = TestDrone.serving()
    func tell(_ used: UInt64, _ isFull: Bool, loop: Int = 0) -> [DroneNote] {
      let memory = MemoryUse(used: used, ceiling: 100, isFull: isFull)
      return drone.feed(.replicated(loop: loop, Replication(memory: memory))).compactMap {
        if case .note(let note) = $0 { note } else { nil }
      }
    }
    #expect(tell(90, false) == [])
    #expect(tell(100, true) == [.memoryFull(MemoryUse(used: 100, ceiling: 100, isFull: true))])
    #expect(tell(101, true) == [])
    let report = try #require(drone.heartbeat(1, from: 2, sequence: 9).report)
    #expect(report.memory == MemoryUse(used: 101, ceiling: 100, isFull: true))
    #expect(tell(80, false) == [.memoryFree(MemoryUse(used: 80, ceiling: 100, isFull: false))])
    #expect(tell(80, false) == [])
  }
}

extension DataCore {
  /// Counted anew.
  fileprivate var memoryRecounted: Int {
    let served = (partitions + loading).reduce(0) { $0 + ($1?.footprint ?? 0) }
    return served + copyStore.footprint
  }
}
