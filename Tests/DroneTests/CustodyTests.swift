import Cluster
import Testing

@testable import Drone

@Suite("A database that is behind: what is acknowledged is there or in every listed copy") struct CustodyTests
{
  /// Of a partition one record an append.
  private static func behind(sequence: UInt64 = 1) -> ShadowPair {
    var pair = ShadowPair(sequence: sequence)
    pair.ownerCore.bounds.batchShare = 1
    pair.connect()
    pair.talk()
    pair.store()
    return pair
  }

  @Test("who ends asks for the empty list behind the last record that only its shadow has, never before")
  func emptyListLast() {
    var pair = Self.behind()
    for key in ["a", "b", "c"] { #expect(pair.put(key, "1") == nil) }
    #expect(pair.talk().count == 3, "its shadow has all three")
    pair.ownerCore.retire()
    for count in 1...2 {
      pair.store()
      #expect(pair.records.count == count)
      #expect(pair.isListed, "the database lacks \(3 - count)")
      #expect(!pair.ownerCore.isRetired)
    }
    pair.store()
    #expect(pair.records.count == 3)
    #expect(pair.fence.inSync.holders.isEmpty, "in the very commit that has the last")
    #expect(pair.ownerCore.isRetired)
  }

  @Test(
    "a silent shadow is taken off the list behind what was acknowledged for its sake; what waits comes later")
  func silentShadow() {
    var pair = Self.behind()
    for key in ["a", "b"] { #expect(pair.put(key, "1") == nil) }
    #expect(pair.talk().count == 2)
    _ = pair.ownerCore.disconnected(pair.shadow)
    for key in ["c", "d"] { #expect(pair.put(key, "1") == nil) }
    #expect(pair.store().completions.isEmpty)
    #expect(pair.isListed)
    #expect(pair.store().completions.isEmpty)
    #expect(pair.records.count == 2 && pair.fence.inSync.holders.isEmpty)
    #expect(pair.store().completions.count == 1, "the database is its second place")
    #expect(pair.store().completions.count == 1)
  }

  @Test("a copy has the log from what is stored, so that it is promoted with what the database lacks")
  func copyHasTheLog() throws {
    var pair = ShadowPair()
    pair.ownerCore.bounds.batchShare = 1
    // Without a second place: it is in the owner's table and nowhere else.
    for key in ["a", "b"] { #expect(pair.put(key, "1", level: .memory) == .done(existed: false)) }
    #expect(pair.get("b") == .value([UInt8]("1".utf8)))
    pair.connect()
    pair.talk()
    pair.store()
    #expect(pair.isListed && pair.records.count == 1, "the database lacks one")
    let token = Names.token(1, 2)
    let set: PartitionSet = [ShadowPair.partition]
    let copies = pair.shadowCore.beginOpening(set, token: token, mode: .promote)
    #expect(copies == [PromotedCopies(token: ShadowPair.token, partitions: set)])
    let opened = pair.shadowCore.promote(
      ShadowPair.partition, token: token, sequence: pair.fence.sequence, inSync: pair.fence.inSync)
    #expect(opened == .recovering)
    let batch = try #require(pair.shadowCore.takeAppend().first)
    #expect(batch.records.map(\.key) == [[UInt8]("b".utf8)])
    #expect(batch.firstSequence == pair.fence.sequence + 1)
    #expect(batch.inSync?.holders == [])
  }

  @Test("whoever waives the second place is answered at once, or behind those before him")
  func waived() {
    var pair = ShadowPair()
    #expect(pair.put("a", "1", level: .memory) == .done(existed: false))
    #expect(pair.get("a") == .value([UInt8]("1".utf8)))
    #expect(pair.put("a", "2") == nil)
    #expect(pair.put("b", "1", level: .memory) == nil)
    #expect(pair.get("b") == .notFound, "what is behind it waits, too, or readers would see another order")
    #expect(pair.store().completions.count == 2)
    #expect(pair.get("a") == .value([UInt8]("2".utf8)) && pair.get("b") == .value([UInt8]("1".utf8)))
  }

  @Test("records that are repeated to a copy are settled once: their outcomes stay in order")
  func repeatedRecords() {
    var pair = ShadowPair()
    pair.ownerCore.bounds.history.outcomes = 3
    pair.shadowCore.bounds.history.outcomes = 3
    for key in ["a", "b", "c"] { #expect(pair.put(key, "1", level: .memory) == .done(existed: false)) }
    pair.connect()
    pair.talk()
    let copy = pair.shadowCore.copyStore.whole(ShadowPair.partition)
    #expect(copy?.history.past.outcomes.map(\.sequence) == [2, 3, 4])
    #expect(copy?.history.past.gaps.isEmpty == true)
  }

  @Test(
    "a copy that lacks records between the database and its log is kept, and neither served nor loaded over")
  func incomplete() throws {
    var pair = ShadowPair.inSync()
    #expect(pair.put("a", "1") == nil)
    pair.talk()
    pair.store()
    _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    pair.talk()
    let token = Names.token(1, 2)
    _ = pair.shadowCore.beginOpening([ShadowPair.partition], token: token, mode: .promote)
    let opened = pair.shadowCore.promote(
      ShadowPair.partition, token: token, sequence: pair.fence.sequence - 1, inSync: pair.fence.inSync)
    #expect(opened == .isIncomplete, "the database says that it has less than it confirmed")
    pair.shadowCore.abandonLoading([ShadowPair.partition], token: token)
    #expect(pair.shadowCore.copyToken(of: ShadowPair.partition) == ShadowPair.token)
  }

  /// A shadow that is on the list, and has room for one write that the database does not have.
  private func withSmallTail() -> ShadowPair {
    var bounds = DataBounds()
    bounds.tail = 60
    var pair = ShadowPair()
    pair.shadowCore = DataCore(incarnation: ShadowPair.shadowLife, bounds: bounds)
    pair.install(shadows: [1])
    pair.connect()
    pair.talk()
    pair.store()
    return pair
  }

  @Test("a shadow that may keep no more confirms nothing more, and keeps the copy that is on the list")
  func fullTail() {
    var pair = withSmallTail()
    #expect(pair.isListed)
    #expect(pair.put("a", "1") == nil)
    #expect(pair.talk().count == 1)
    #expect(pair.put("b", "1") == nil)
    #expect(pair.talk().isEmpty, "it is not in a second place")
    #expect(pair.shadowCore.has(1, of: ShadowPair.client, in: ShadowPair.partition))
    #expect(pair.get("b") == .notFound)
    pair.store()
    #expect(pair.fence.inSync.holders.isEmpty, "the owner goes on without it")
  }

  @Test("a batch behind one for which there was no room is not taken, and the copy that is on the list stays")
  func gapBehindFullTail() throws {
    var pair = withSmallTail()
    #expect(pair.put("a", "1") == nil)
    #expect(pair.talk().count == 1)
    #expect(pair.put("b", "1") == nil)
    let refused = pair.hear()
    #expect(pair.put("c", "1") == nil)
    // The database has the first one meanwhile, so that there is room again when the third comes.
    pair.store()
    let behind = pair.hear()
    for answers in [refused, behind] {
      let answer = try #require(answers.first)
      guard case .refused = answer else {
        Issue.record("\(answer)")
        return
      }
    }
    #expect(pair.shadowCore.copyToken(of: ShadowPair.partition) == ShadowPair.token)
    #expect(pair.shadowCore.has(1, of: ShadowPair.client, in: ShadowPair.partition))
    // It goes on from what it has.
    for answer in refused + behind { _ = pair.ownerCore.receive(answer, from: pair.shadow, now: pair.now) }
    _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    pair.talk()
    pair.store()
    _ = pair.ownerCore.tickStreams(pair.now, timing: Timing())
    pair.talk()
    #expect(pair.shadowCore.has(3, of: ShadowPair.client, in: ShadowPair.partition))
  }

  @Test("nobody is listed where nothing was ever written, and it counts as shadowed all the same")
  func neverWritten() {
    var pair = ShadowPair.inSync(sequence: 0)
    #expect(pair.fence.inSync == .empty)
    #expect(pair.ownerCore.shadowed.contains(ShadowPair.partition))
    #expect(pair.put("a", "1") == nil)
    #expect(pair.talk().isEmpty, "with nobody listed only the database is a second place")
    #expect(pair.store().completions.count == 1)
    #expect(pair.isListed, "and with the first write somebody is")
    #expect(pair.put("b", "1") == nil)
    #expect(pair.talk().count == 1)
  }
}
