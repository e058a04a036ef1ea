import Cluster
import Testing

@testable import Drone

@Suite("A shadow is replaced") struct ReplacementTests {
  private static let thirdLife = Incarnation(33)
  private let third = Holder(principal: Names.drone(3), incarnation: thirdLife)
  private let second = Holder(principal: Names.drone(2), incarnation: ShadowPair.shadowLife)

  /// Drone 2 is on the list, and the map names drone 3 in its place, with which there is a session already.
  private func replaced() -> (pair: ShadowPair, newcomer: DataCore) {
    var pair = ShadowPair.inSync(entries: entries)
    var newcomer = DataCore(incarnation: Self.thirdLife)
    pair.install(shadows: [2], version: 2)
    newcomer.install(
      ShadowPair.map(shadows: [2], version: 2), mine: [ShadowPair.partition], principal: Names.drone(3))
    pair.ownerCore.connected(Names.drone(3), life: Self.thirdLife)
    return (pair, newcomer)
  }

  private let entries = (1...9).map { index in
    StoredEntry(
      key: [UInt8]("key \(index)".utf8), value: [1],
      version: Version(fence: ShadowPair.token, sequence: UInt64(index)))
  }

  @Test("writes need no database from the first moment of a replacement until the last")
  func withoutDatabase() {
    var (pair, newcomer) = replaced()
    #expect(pair.put("a", "1") == nil)
    #expect(!pair.ownerCore.isUrgent, "nothing is to be told to the database yet")
    #expect(pair.talk().count == 1, "the old shadow secures it")
    pair.talk(with: &newcomer)
    #expect(newcomer.copyToken(of: ShadowPair.partition) == ShadowPair.token)
    // The new one is whole. Until the database has the new list, nobody knows which of the two would be promoted.
    let batches = pair.ownerCore.takeAppend()
    #expect(batches.first?.inSync?.holders == [third])
    #expect(pair.put("b", "1") == nil)
    #expect(pair.talk().isEmpty)
    #expect(pair.talk(with: &newcomer).count == 1)
    #expect(pair.shadowCore.copyToken(of: ShadowPair.partition) != nil)
    // The database is gone, and comes back.
    pair.ownerCore.retryAppend()
    #expect(pair.put("c", "1") == nil)
    #expect(pair.talk().isEmpty)
    #expect(pair.talk(with: &newcomer).count == 1)
    pair.store()
    #expect(pair.fence.inSync.holders == [third])
    #expect(pair.put("d", "1") == nil)
    #expect(pair.talk(with: &newcomer).count == 1, "the new one alone secures it")
  }

  @Test("the old shadow forgets its copy once the new one is on the list, and not before")
  func forgets() {
    var (pair, newcomer) = replaced()
    pair.talk()
    pair.store()
    #expect(pair.fence.inSync.holders == [second])
    pair.talk(with: &newcomer)
    pair.talk()
    #expect(pair.shadowCore.copyToken(of: ShadowPair.partition) != nil)
    pair.store()
    pair.talk()
    #expect(pair.shadowCore.copyToken(of: ShadowPair.partition) == nil)
    #expect(pair.ownerCore.shadowPeers.map(\.principal) == [Names.drone(3)])
    #expect(pair.ownerCore.shadowed == [ShadowPair.partition])
  }

  @Test("what the database has first is kept for the old shadow as long as it may be promoted, and no longer")
  func kept() {
    var pair = ShadowPair.inSync()
    pair.install(shadows: [2], version: 2)
    func kept() -> Int? { pair.ownerCore.partitions[ShadowPair.partition.index]?.keptForShadows }
    _ = pair.put("a", "1")
    pair.store()
    #expect(kept() == 1)
    pair.talk()
    #expect(kept() == 0)
    #expect(pair.put("b", "1") == nil)
    #expect(pair.talk().count == 1)
    _ = pair.ownerCore.disconnected(pair.shadow)
    pair.store()
    #expect(pair.fence.inSync.holders.isEmpty)
    _ = pair.put("c", "1")
    pair.store()
    #expect(kept() == 0)
  }

  @Test("an old shadow that has lost its copy is taken off the list, and none is begun with it")
  func lost() {
    var pair = ShadowPair.inSync(entries: entries)
    pair.install(shadows: [2], version: 2)
    let missing = ReplicationAnswer.missing(partition: ShadowPair.partition, token: ShadowPair.token)
    #expect(pair.put("a", "1") == nil)
    _ = pair.ownerCore.receive(missing, from: pair.shadow, now: pair.now)
    #expect(pair.ownerCore.replicate(to: pair.shadow, now: pair.now).isEmpty)
    #expect(pair.store().completions.count == 1)
    #expect(pair.fence.inSync.holders.isEmpty)
  }

  @Test("an old shadow whose session ends and comes back goes on with what it has")
  func resumes() {
    var (pair, newcomer) = replaced()
    _ = pair.ownerCore.disconnected(pair.shadow)
    pair.connect()
    pair.talk()
    #expect(pair.put("a", "1") == nil)
    #expect(pair.talk().count == 1)
    pair.store()
    #expect(pair.fence.inSync.holders == [second])
    pair.talk(with: &newcomer)
    pair.store()
    #expect(pair.fence.inSync.holders == [third])
  }

  @Test("an old shadow that falls silent is taken off the list, like any other")
  func silent() {
    var (pair, newcomer) = replaced()
    _ = pair.ownerCore.disconnected(pair.shadow)
    #expect(pair.put("a", "1") == nil)
    #expect(pair.store().completions.count == 1)
    #expect(pair.fence.inSync.holders.isEmpty)
    // It comes back, and is told to forget.
    pair.connect()
    pair.talk()
    #expect(pair.shadowCore.copyToken(of: ShadowPair.partition) == nil)
    pair.talk(with: &newcomer)
    pair.store()
    #expect(pair.fence.inSync.holders == [third])
  }

  @Test("a map that changes its mind finds the old shadow where it was")
  func namedAgain() {
    var (pair, newcomer) = replaced()
    pair.talk(with: &newcomer)
    pair.install(shadows: [1], version: 3)
    pair.store()
    #expect(pair.fence.inSync.holders == [second])
    pair.talk(with: &newcomer)
    #expect(newcomer.copyToken(of: ShadowPair.partition) == nil, "it was never on the list")
    #expect(pair.put("a", "1") == nil)
    #expect(pair.talk().count == 1)
  }

  @Test("there are no more on the list than the map names: one stays for each that is missing")
  func two() {
    var (pair, newcomer) = replaced()
    pair.install(shadows: [1, 2], version: 3)
    newcomer.install(
      ShadowPair.map(shadows: [1, 2], version: 3), mine: [ShadowPair.partition], principal: Names.drone(3))
    pair.talk(with: &newcomer)
    pair.store()
    #expect(pair.fence.inSync.holders == [second, third])
    // Another takes the place of both.
    pair.install(shadows: [3], version: 4)
    pair.store()
    #expect(pair.fence.inSync.holders == [second])
    // One of the two is named again, and whole already.
    pair.install(shadows: [2], version: 5)
    pair.talk(with: &newcomer)
    pair.store()
    #expect(pair.fence.inSync.holders == [third])
  }

  @Test("whom the map names no longer keeps its copy up, and begins none")
  func copyStore() {
    var pair = ShadowPair.inSync()
    pair.install(shadows: [2], version: 2)
    let (partition, token) = (ShadowPair.partition, ShadowPair.token)
    func hear(_ message: ReplicationMessage) -> ReplicationAnswer? {
      pair.shadowCore.receive(message, from: pair.owner, session: 1)
    }
    let kept = ReplicationAnswer.kept(partition: partition, token: token, through: 1)
    #expect(hear(.resume(partition: partition, token: token)) == kept)
    let refused = ReplicationAnswer.refused(partition: partition, token: token)
    let begin = ReplicationMessage.begin(
      partition: partition, token: token, sequence: 0, past: PastWrites())
    // Nor are the parts of one taken for what was there before, which the owner has given up by then.
    #expect(hear(begin) == refused)
    let entries = ReplicationMessage.entries(partition: partition, token: token, entries)
    #expect(hear(entries) == .entriesTaken(partition: partition, token: token))
    #expect(hear(.whole(partition: partition, token: token, sequence: 9)) == refused)
    #expect(pair.shadowCore.copyToken(of: partition) == nil)
    #expect(hear(.resume(partition: partition, token: token)) == refused)
  }

  @Test("an owner that begins a copy with whom the map does not name does so once a tick, not without end")
  func mapsDiffer() {
    var pair = ShadowPair.inSync(entries: entries)
    _ = pair.ownerCore.disconnected(pair.shadow)
    _ = pair.put("a", "1")
    while pair.ownerCore.hasWaiting { pair.store() }
    pair.ownerCore.bounds.keptForShadows = 0
    _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    // The shadow has the newer map.
    pair.shadowCore.install(
      ShadowPair.map(shadows: [2], version: 2), mine: [ShadowPair.partition], principal: pair.shadow)
    pair.connect()
    var heard = 0
    while case let answers = pair.hear(), !answers.isEmpty, heard < 100 {
      heard += answers.count
      for answer in answers { _ = pair.ownerCore.receive(answer, from: pair.shadow, now: pair.now) }
    }
    #expect(heard < 10)
    pair.install(shadows: [1], version: 3)
    _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    pair.talk()
    pair.store()
    #expect(pair.isListed)
  }

  @Test("pieces of copies that a shadow does not take, since it opens the partition itself, hold up no other")
  func piecesOfNoUse() {
    var pair = ShadowPair(entries: entries)
    let set: PartitionSet = [ShadowPair.partition]
    func take(_ answers: [ReplicationAnswer]) {
      for answer in answers { _ = pair.ownerCore.receive(answer, from: pair.shadow, now: pair.now) }
    }
    pair.connect()
    for counter in 2..<8 {
      // It has no copy. By the time that the pieces come, it has been granted what the owner is about to lose.
      take(pair.hear())
      let token = Names.token(1, UInt64(counter))
      _ = pair.shadowCore.beginOpening(set, token: token, mode: .load)
      take(pair.hear())
      pair.shadowCore.abandonLoading(set, token: token)
      _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    }
    pair.talk()
    pair.store()
    #expect(pair.isListed)
  }

  @Test("a piece of an older session is confirmed to whoever counts it, and is not taken")
  func pieceOfOlderSession() {
    var pair = ShadowPair.inSync()
    let piece = ReplicationMessage.entries(
      partition: ShadowPair.partition, token: ShadowPair.token, entries)
    let taken = ReplicationAnswer.entriesTaken(partition: ShadowPair.partition, token: ShadowPair.token)
    #expect(pair.shadowCore.receive(piece, from: pair.owner, session: 0) == taken)
  }

  @Test("a shadow for which too much would have to be kept begins anew, and is listed again")
  func tooFarBehind() {
    var pair = ShadowPair.inSync()
    pair.ownerCore.bounds.keptForShadows = 100
    for index in 0..<101 { _ = pair.put("key", "\(index)") }
    pair.store()
    #expect(pair.get("key") == .value([UInt8]("100".utf8)))
    _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    pair.talk()
    pair.store()
    #expect(!pair.isListed)
    _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    pair.talk()
    pair.store()
    #expect(pair.isListed)
  }
}
