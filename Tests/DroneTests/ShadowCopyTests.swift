import Cluster
import Testing
import Wire

@testable import Drone

@Suite("A shadow's copy, and its promotion") struct ShadowCopyTests {
  @Test("what is written while the entries are being sent is in the copy, also over and over")
  func snapshot() {
    var pair = ShadowPair(entries: ShadowPair.entries(3_000))
    pair.connect()
    var round = 0
    while !pair.isListed, round < 2_000 {
      // Every piece that is taken is followed by writes before and behind the place that the owner has reached.
      let messages = pair.ownerCore.replicate(to: pair.shadow, now: pair.now)
      for message in messages {
        if let answer = pair.shadowCore.receive(message, from: pair.owner, session: 1) {
          _ = pair.ownerCore.receive(answer, from: pair.shadow, now: pair.now)
        }
        if round < 40 { _ = pair.put("key \((round * 37) % 3_000)", "new \(round)") }
        round += 1
      }
      pair.store()
    }
    #expect(pair.isListed)
    pair.talk()
    promote(&pair)
    for index in stride(from: 0, to: 3_000, by: 7) {
      #expect(pair.get("key \(index)", of: \.shadowCore) == pair.get("key \(index)"), "key \(index)")
    }
  }

  /// The owner is gone; the shadow is granted the partition and opens it with its copy.
  private func promote(_ pair: inout ShadowPair) {
    let token = Names.token(1, 2)
    let copies = pair.shadowCore.beginOpening([ShadowPair.partition], token: token, mode: .promote)
    #expect(copies == [PromotedCopies(token: ShadowPair.token, partitions: [ShadowPair.partition])])
    let decision = PartitionFence.opening(
      pair.fence, token: token, holder: pair.shadow, incarnation: ShadowPair.shadowLife, mode: .promote,
      copy: copies.first?.token)
    guard case .raised(let raised) = decision else { return #expect(Bool(false), "\(decision)") }
    pair.fence = raised
    var opened = pair.shadowCore.promote(
      ShadowPair.partition, token: token, sequence: raised.sequence, inSync: raised.inSync)
    #expect(opened == .recovering)
    #expect(pair.get("a", of: \.shadowCore) == .moved(version: 1), "by the map that it has")
    pair.installAtShadowAsOwner()
    #expect(pair.get("a", of: \.shadowCore) == .unavailable(.loading))
    while opened == .recovering {
      let batches = pair.shadowCore.takeAppend()
      guard !batches.isEmpty else { break }
      let results = batches.map {
        StoreAnswer.PartitionResult(partition: $0.partition, result: pair.append($0, from: pair.shadow))
      }
      if !pair.shadowCore.appended(results).recovered.isEmpty { opened = .ready }
    }
    #expect(opened == .ready)
    #expect(pair.shadowCore.copies.isEmpty)
    #expect(pair.fence.inSync.holders.isEmpty && pair.fence.numbering == token)
    pair.shadowCore.serve([ShadowPair.partition], until: pair.now + 1_000)
  }

  @Test("a promoted shadow has every acknowledged write, stores what the database lacks, and knows retries")
  func promotion() {
    var pair = ShadowPair.inSync()
    for index in 0..<10 { _ = pair.put("a", "\(index)") }
    pair.talk()
    #expect(pair.records.isEmpty)
    promote(&pair)
    #expect(pair.get("a", of: \.shadowCore) == ShadowPair.value("9"))
    #expect(pair.records.count == 10)
    #expect(pair.shadowCore.has(10, of: ShadowPair.client, in: ShadowPair.partition))
    // The old owner, should it live, stores nothing any more.
    _ = pair.put("a", "late")
    #expect(pair.store().lost.map(\.partitions) == [[ShadowPair.partition]])
  }

  @Test("a promoted shadow stores the longest record there is, and then empties the list")
  func longestRecord() {
    var pair = ShadowPair.inSync()
    let long = String(repeating: "x", count: Limits.maximumValueLength)
    _ = pair.put(String(repeating: "k", count: Limits.maximumKeyLength), long)
    _ = pair.put("a", "9")
    pair.talk()
    promote(&pair)
    #expect(pair.records.count == 2)
  }

  @Test("a copy that is behind the database asks for the contents instead")
  func behind() {
    var pair = ShadowPair.inSync()
    _ = pair.put("a", "1")
    pair.store()
    #expect(pair.fence.sequence == 2)
    let token = Names.token(1, 2)
    _ = pair.shadowCore.beginOpening([ShadowPair.partition], token: token, mode: .promote)
    let opened = pair.shadowCore.promote(
      ShadowPair.partition, token: token, sequence: 2, inSync: pair.fence.inSync)
    #expect(opened == .isBehind)
  }

  @Test("an owner that stops keeps what it had, and may be promoted with it")
  func ownCopy() {
    var pair = ShadowPair.inSync()
    _ = pair.put("a", "1")
    pair.talk()
    _ = pair.put("b", "unsecured")
    let completions = pair.ownerCore.close([ShadowPair.partition])
    #expect(completions.map(\.answer) == [.unavailable(.released)])
    #expect(pair.ownerCore.copies == [Holding(token: ShadowPair.token, partitions: [ShadowPair.partition])])
    let token = Names.token(1, 2)
    _ = pair.ownerCore.beginOpening([ShadowPair.partition], token: token, mode: .promote)
    let opened = pair.ownerCore.promote(
      ShadowPair.partition, token: token, sequence: 1, inSync: pair.fence.inSync)
    #expect(opened == .recovering)
    #expect(pair.ownerCore.takeAppend().first?.records.count == 2)
  }

  @Test("a load that comes to nothing leaves the copy, which may be the one that is needed")
  func failedLoad() {
    var pair = ShadowPair.inSync()
    let token = Names.token(1, 2)
    _ = pair.shadowCore.beginOpening([ShadowPair.partition], token: token, mode: .load)
    pair.shadowCore.abandonLoading([ShadowPair.partition], token: token)
    #expect(!pair.shadowCore.copies.isEmpty)
  }

  @Test("a promotion that another overtakes leaves the copy, which may be the one that is needed")
  func overtakenPromotion() {
    var pair = ShadowPair.inSync()
    _ = pair.put("a", "1")
    pair.talk()
    let token = Names.token(1, 2)
    _ = pair.shadowCore.beginOpening([ShadowPair.partition], token: token, mode: .promote)
    let opened = pair.shadowCore.promote(
      ShadowPair.partition, token: token, sequence: 1, inSync: pair.fence.inSync)
    #expect(opened == .recovering)
    #expect(pair.shadowCore.takeAppend().count == 1)
    let fenced = StoreAnswer.AppendResult.fenced(by: Names.token(1, 3))
    let outcome = pair.shadowCore.appended([
      StoreAnswer.PartitionResult(partition: ShadowPair.partition, result: fenced)
    ])
    #expect(outcome.lost.map(\.partitions) == [[ShadowPair.partition]])
    #expect(pair.shadowCore.copies == [Holding(token: ShadowPair.token, partitions: [ShadowPair.partition])])
  }
}
