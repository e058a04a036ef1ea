import Cluster
import Testing

@testable import Drone

@Suite("What is kept when another is promoted") struct OvertakenTests {
  private static let set: PartitionSet = [ShadowPair.partition]
  private static let kept = [Holding(token: ShadowPair.token, partitions: set)]

  private func promoted(
    _ pair: ShadowPair, _ holder: Principal, _ life: Incarnation, _ counter: UInt64
  ) -> PartitionFence? {
    let opening = PartitionFence.opening(
      pair.fence, token: Names.token(1, counter), holder: holder, incarnation: life, mode: .promote,
      copy: ShadowPair.token)
    return if case .raised(let fence) = opening { fence } else { nil }
  }

  @Test("an owner that a promotion fences off keeps its copy, and is promoted if that one comes to nothing")
  func overtakenOwner() throws {
    var pair = ShadowPair.inSync()
    _ = pair.put("a", "1")
    pair.talk()
    pair.fence = try #require(promoted(pair, pair.shadow, ShadowPair.shadowLife, 2))
    _ = pair.put("b", "1", level: .durable)
    #expect(pair.store().lost.map(\.partitions) == [Self.set])
    #expect(pair.ownerCore.copies == Self.kept)
    // The shadow ends before it has stored anything.
    pair.fence = try #require(promoted(pair, pair.owner, ShadowPair.ownerLife, 3))
    #expect(
      pair.ownerCore.beginOpening(Self.set, token: Names.token(1, 3), mode: .promote) == [
        PromotedCopies(token: ShadowPair.token, partitions: Self.set)
      ])
    let opened = pair.ownerCore.promote(
      ShadowPair.partition, token: Names.token(1, 3), sequence: pair.fence.sequence,
      inSync: pair.fence.inSync)
    #expect(opened == .recovering)
    pair.store()
    #expect(pair.records.map(\.key) == [[UInt8]("a".utf8), [UInt8]("b".utf8)])
    #expect(pair.fence.inSync.holders.isEmpty)
  }

  @Test("a drone that loads what its copy lacks keeps the copy until it has recovered, whatever ends that")
  func behindAndClosed() {
    for isFenced in [true, false] {
      var pair = ShadowPair.inSync()
      let token = Names.token(1, 2)
      _ = pair.shadowCore.beginOpening(Self.set, token: token, mode: .promote)
      // The database has a record that was never acknowledged, and that the copy has not.
      let list = pair.fence.inSync
      #expect(
        pair.shadowCore.promote(ShadowPair.partition, token: token, sequence: 2, inSync: list) == .isBehind)
      let loaded = pair.shadowCore.finishLoading(
        ShadowPair.partition, token: token, sequence: 2, inSync: list, past: PastWrites())
      #expect(loaded == .recovering)
      if isFenced {
        _ = pair.shadowCore.takeAppend()
        let fenced = StoreAnswer.AppendResult.fenced(by: Names.token(1, 3))
        _ = pair.shadowCore.appended([.init(partition: ShadowPair.partition, result: fenced)])
      } else {
        _ = pair.shadowCore.close(Self.set)
      }
      #expect(pair.shadowCore.copies == Self.kept)
    }
  }
}
