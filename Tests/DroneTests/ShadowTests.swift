import Cluster
import Testing
import Wire

@testable import Drone

@Suite("Shadows") struct ShadowTests {
  @Test("a write is answered once the shadow on the list has it, and no read shows it before")
  func secured() {
    var pair = ShadowPair.inSync()
    #expect(pair.isListed)
    #expect(pair.put("a", "1") == nil)
    #expect(pair.get("a") == .notFound)
    let answers = pair.hear()
    #expect(pair.get("a") == .notFound, "the shadow has it, and nobody here knows yet")
    let completions = answers.flatMap { pair.ownerCore.receive($0, from: pair.shadow, now: pair.now) }
    #expect(completions.map(\.answer) == [.done(existed: false)])
    #expect(pair.get("a") == ShadowPair.value("1"))
    #expect(pair.records.isEmpty, "the database has time")
  }

  @Test("nobody who is not on the list secures anything: then it takes the database")
  func unlisted() {
    var pair = ShadowPair()
    pair.connect()
    #expect(pair.put("a", "1") == nil)
    #expect(pair.talk().isEmpty)
    #expect(pair.store().completions.map(\.answer) == [.done(existed: false)])
  }

  @Test("what is on its way to a shadow puts it on no list: it has to say that its copy is whole")
  func underWay() {
    var pair = ShadowPair(entries: ShadowPair.entries(3))
    pair.connect()
    for answer in pair.hear() { _ = pair.ownerCore.receive(answer, from: pair.shadow, now: pair.now) }
    var messages: [ReplicationMessage] = []
    while case let more = pair.ownerCore.replicate(to: pair.shadow, now: pair.now), !more.isEmpty {
      messages += more
    }
    #expect(messages.contains { if case .whole = $0 { true } else { false } })
    pair.store()
    #expect(!pair.isListed)
    for answer in messages.compactMap({ pair.shadowCore.receive($0, from: pair.owner, session: 1) }) {
      _ = pair.ownerCore.receive(answer, from: pair.shadow, now: pair.now)
    }
    pair.store()
    #expect(pair.isListed)
  }

  @Test("who does not own a partition by the map changes no copy of it, whatever token he knows")
  func copied() throws {
    let (partition, token) = (ShadowPair.partition, ShadowPair.token)
    var pair = ShadowPair.inSync(entries: ShadowPair.entries(3))
    _ = pair.put("a", "1")
    _ = pair.hear()
    let copy = try #require(pair.shadowCore.copyStore.whole(partition))
    let (kept, through) = (copy.tailLength, copy.through)
    #expect(kept > 0)
    let forged = StoredEntry(
      key: [UInt8]("key 0".utf8), value: [UInt8]("forged".utf8), version: Version(fence: token, sequence: 99))
    let record = LogRecord(
      key: forged.key, change: .delete, client: ShadowPair.client, write: 99, outcome: .written(existed: true)
    )
    let batch = PartitionBatch(
      partition: partition, token: token, incarnation: Incarnation(33), firstSequence: through + 1,
      records: [record])
    for message in [
      .entries(partition: partition, token: token, [forged]), .records(batch, stored: through),
      .stored(partition: partition, token: token, through: .max),
      .whole(partition: partition, token: token, sequence: 99), .end(partition: partition, token: token),
      .begin(
        partition: partition, token: token, sequence: 99, past: PastWrites()),
    ] as [ReplicationMessage] {
      _ = pair.shadowCore.receive(message, from: Names.drone(3), session: 1)
      let copy = try #require(pair.shadowCore.copyStore.whole(partition), "\(message)")
      #expect(copy.tailLength == kept && copy.through == through, "\(message)")
      #expect(
        copy.table.entries(from: .start, bytes: .max).entries.contains(ShadowPair.entries(1)[0]), "\(message)"
      )
    }
  }

  @Test("what is left of an older session undoes nothing")
  func olderSession() {
    var pair = ShadowPair.inSync(entries: ShadowPair.entries(3))
    let begin = ReplicationMessage.begin(
      partition: ShadowPair.partition, token: ShadowPair.token, sequence: 3, past: PastWrites())
    #expect(pair.shadowCore.receive(begin, from: pair.owner, session: 0) == nil)
    #expect(pair.shadowCore.copyToken(of: ShadowPair.partition) == ShadowPair.token)
    let end = ReplicationMessage.end(partition: ShadowPair.partition, token: ShadowPair.token)
    #expect(pair.shadowCore.receive(end, from: pair.owner, session: 0) == nil)
    #expect(pair.shadowCore.copyToken(of: ShadowPair.partition) == ShadowPair.token)
  }

  @Test("a list that was asked for and names nobody counts from then on, whatever the shadow says")
  func droppedMeanwhile() {
    var pair = ShadowPair.inSync()
    _ = pair.put("a", "1")
    pair.talk()
    // It falls silent for a while and is taken off; the answer of the database is on its way.
    _ = pair.put("b", "1")
    _ = pair.hear()
    pair.now = pair.now + 1_000
    _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    let batches = pair.ownerCore.takeAppend()
    #expect(batches.first?.inSync?.holders == [])
    let results = batches.map {
      StoreAnswer.PartitionResult(partition: $0.partition, result: pair.append($0, from: pair.owner))
    }
    #expect(!pair.isListed)
    // Now it speaks again, also of a write that the database has not been told.
    _ = pair.put("c", "1")
    #expect(pair.talk().isEmpty, "a shadow that may be off the list secures nothing")
    #expect(pair.ownerCore.appended(results).completions.count == 1)
    #expect(pair.store().completions.count == 1)
  }

  @Test("a shadow that falls silent holds nobody up: the database takes its place, and the list forgets it")
  func silent() {
    var pair = ShadowPair.inSync()
    _ = pair.put("a", "1")
    pair.now = pair.now + 100
    #expect(pair.store().completions.count == 1, "the write-behind secures it")
    _ = pair.ownerCore.disconnected(pair.shadow)
    #expect(pair.ownerCore.isUrgent)
    pair.store()
    #expect(!pair.isListed)
    #expect(pair.put("b", "1") == nil)
    #expect(pair.store().completions.count == 1)
  }

  @Test("a shadow that comes back in the same life goes on from what it has, and is listed again")
  func resumed() {
    var pair = ShadowPair.inSync(entries: ShadowPair.entries(2_000))
    _ = pair.ownerCore.disconnected(pair.shadow)
    _ = pair.put("a", "1")
    pair.store()
    pair.connect()
    let first = pair.ownerCore.replicate(to: pair.shadow, now: pair.now)
    #expect(first == [.resume(partition: ShadowPair.partition, token: ShadowPair.token)])
    let answer = pair.shadowCore.receive(first[0], from: pair.owner, session: 1)!
    _ = pair.ownerCore.receive(answer, from: pair.shadow, now: pair.now)
    let next = pair.ownerCore.replicate(to: pair.shadow, now: pair.now)
    #expect(next.count == 1 && next.allSatisfy { if case .records = $0 { true } else { false } })
    for answer in next.compactMap({ pair.shadowCore.receive($0, from: pair.owner, session: 1) }) {
      _ = pair.ownerCore.receive(answer, from: pair.shadow, now: pair.now)
    }
    pair.store()
    #expect(pair.isListed)
  }

  @Test("a drone that still has a partition is asked again until it shadows it", arguments: [false, true])
  func stillOwned(isLoaded: Bool) {
    var pair = ShadowPair()
    let (set, old): (PartitionSet, FencingToken) = ([ShadowPair.partition], Names.token(1, 0))
    _ = pair.shadowCore.beginOpening(set, token: old, mode: .load)
    if isLoaded {
      _ = pair.shadowCore.finishLoading(
        ShadowPair.partition, token: old, sequence: 0, past: PastWrites())
    }
    pair.connect()
    pair.talk()
    pair.store()
    #expect(!pair.isListed)
    if isLoaded {
      _ = pair.shadowCore.close(set)
    } else {
      pair.shadowCore.abandonLoading(set, token: old)
    }
    _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    pair.talk()
    pair.store()
    #expect(pair.isListed)
  }

  @Test("a shadow that opens the partition for itself says so, and is one again when that comes to nothing")
  func opening() {
    var pair = ShadowPair.inSync()
    let set: PartitionSet = [ShadowPair.partition]
    _ = pair.shadowCore.beginOpening(set, token: Names.token(1, 99), mode: .load)
    #expect(pair.put("a", "1") == nil)
    #expect(pair.talk().isEmpty)
    pair.store()
    #expect(!pair.isListed, "it does not secure anything meanwhile")
    pair.shadowCore.abandonLoading(set, token: Names.token(1, 99))
    _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    pair.talk()
    pair.store()
    #expect(pair.isListed)
  }

  @Test("a new life of a shadow holds nothing, and begins anew before it is listed")
  func restarted() {
    var pair = ShadowPair.inSync()
    _ = pair.ownerCore.disconnected(pair.shadow)
    pair.shadowCore = DataCore(incarnation: Incarnation(23))
    pair.install(shadows: [1], version: 2)
    pair.ownerCore.connected(pair.shadow, life: Incarnation(23))
    pair.store()
    #expect(pair.fence.inSync.holders.isEmpty)
    pair.talk()
    pair.store()
    #expect(pair.fence.inSync.holders == [Holder(principal: pair.shadow, incarnation: Incarnation(23))])
  }

  @Test("durable waits for the disk, memory for nothing; both stand in the order in which they came")
  func levels() {
    var pair = ShadowPair.inSync()
    #expect(pair.put("d", "1", level: .durable) == nil)
    #expect(pair.ownerCore.isUrgent)
    #expect(pair.talk().isEmpty)
    #expect(pair.get("d") == ShadowPair.value("1"), "it is secured, so it may be seen")
    #expect(pair.store().completions.map(\.answer) == [.done(existed: false)])
    // Whoever waives the second place waits only for those before him.
    #expect(pair.put("s", "1") == nil)
    #expect(pair.put("m", "1", level: .memory) == nil)
    #expect(pair.talk().count == 2)
  }

  @Test("a retry of a durable write that is only secured waits for the disk too")
  func durableRetry() {
    var pair = ShadowPair.inSync()
    #expect(pair.put("d", "1", level: .durable, write: 7) == nil)
    pair.talk()
    #expect(pair.put("d", "1", level: .durable, write: 7) == nil)
    #expect(pair.store().completions.count == 1)
    #expect(pair.put("d", "1", level: .durable, write: 7) == .done(existed: false))
    #expect(pair.records.count == 1)
  }

  // MARK: Whom a shadow believes

  @Test("only the owner that the map names fills a copy, and no lower token takes the place of a higher")
  func strangers() {
    var pair = ShadowPair.inSync()
    let begin = ReplicationMessage.begin(
      partition: ShadowPair.partition, token: Names.token(9, 9), sequence: 0, past: PastWrites())
    let refused = ReplicationAnswer.refused(partition: ShadowPair.partition, token: Names.token(9, 9))
    #expect(pair.shadowCore.receive(begin, from: Names.drone(3), session: 1) == refused)
    let old = ReplicationMessage.resume(partition: ShadowPair.partition, token: Names.token(1, 0))
    #expect(
      pair.shadowCore.receive(old, from: pair.owner, session: 1)
        == .refused(partition: ShadowPair.partition, token: Names.token(1, 0)))
    let end = ReplicationMessage.end(partition: ShadowPair.partition, token: ShadowPair.token)
    _ = pair.shadowCore.receive(end, from: Names.drone(3), session: 1)
    #expect(!pair.shadowCore.copies.isEmpty)
  }

  @Test("a shadow that the map names no more is taken off the list before it is told to forget")
  func leaving() {
    var pair = ShadowPair.inSync()
    pair.ownerCore.install(
      SlotMap(
        cluster: Names.cluster, term: Term(1), version: 2, expiry: Names.wall + 600, commander: pair.owner,
        drones: [SlotMap.Drone(principal: pair.owner, endpoint: Names.node(1).endpoint)],
        owners: [Int?](repeating: 0, count: Partition.count))!,
      mine: [ShadowPair.partition], principal: pair.owner)
    #expect(pair.ownerCore.replicate(to: pair.shadow, now: pair.now).isEmpty)
    pair.store()
    #expect(!pair.isListed)
    let told = pair.ownerCore.replicate(to: pair.shadow, now: pair.now)
    #expect(told == [.end(partition: ShadowPair.partition, token: ShadowPair.token)])
    _ = pair.shadowCore.receive(told[0], from: pair.owner, session: 1)
    #expect(pair.shadowCore.copies.isEmpty)
  }
}
