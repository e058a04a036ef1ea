import Cluster
import Testing

@testable import Database

@Suite("The fence of a partition")
struct PartitionFenceTests {
  let fence = PartitionFence(
    token: token(3, 5), holder: firstDrone, incarnation: Incarnation(7), base: 10, sequence: 20)

  func opening(_ token: FencingToken, _ holder: Principal = firstDrone, _ incarnation: UInt64 = 7)
    -> PartitionFence.Opening
  {
    PartitionFence.opening(fence, token: token, holder: holder, incarnation: Incarnation(incarnation))
  }

  func admission(_ first: UInt64, count: Int, token: FencingToken = token(3, 5)) -> PartitionFence.Admission {
    let record = LogRecord(
      key: [1], change: .delete, client: ClientIncarnation(high: 1, low: 1), write: 1,
      outcome: .written(existed: true))
    let batch = PartitionBatch(
      partition: partition(1), token: token, incarnation: Incarnation(7), firstSequence: first,
      records: .init(repeating: record, count: count))
    return PartitionFence.admission(batch, from: firstDrone, stored: fence)
  }

  @Test("a higher token raises it, and what is stored is the new holder's base")
  func raise() {
    let raised = PartitionFence(
      token: token(3, 6), holder: secondDrone, incarnation: Incarnation(9), base: 20, sequence: 20)
    #expect(opening(token(3, 6), secondDrone, 9) == .raised(raised))
    let first = PartitionFence(
      token: token(1), holder: firstDrone, incarnation: Incarnation(7), base: 0, sequence: 0)
    #expect(
      PartitionFence.opening(nil, token: token(1), holder: firstDrone, incarnation: Incarnation(7))
        == .raised(first))
  }

  @Test("the same grant again changes nothing; anything lower, or in other hands, is fenced off")
  func refusals() {
    #expect(opening(token(3, 5)) == .repeated(fence))
    for other in [
      opening(token(3, 4)), opening(token(2, 9)), opening(token(3, 5), secondDrone),
      opening(token(3, 5), firstDrone, 8),
    ] { #expect(other == .fenced(by: token(3, 5))) }
  }

  @Test("what follows is stored, what is there already is not stored twice, and a gap is named")
  func continuity() {
    #expect(admission(21, count: 3) == .store(skipping: 0, through: 23))
    #expect(admission(19, count: 4) == .store(skipping: 2, through: 22))
    #expect(admission(11, count: 10) == .stored(through: 20))
    #expect(admission(12, count: 2) == .stored(through: 20))
    #expect(admission(22, count: 1) == .gap(stored: 20))
    #expect(admission(10, count: 11) == .gap(stored: 20))
    #expect(admission(21, count: 0) == .gap(stored: 20))
    #expect(admission(21, count: 1, token: token(3, 6)) == .fenced(by: token(3, 5)))
  }

  @Test("numbers at the edge of what there is do not wrap")
  func edges() {
    for first in [0, UInt64(Int64.max), .max] { #expect(admission(first, count: 2) == .gap(stored: 20)) }
  }

  // MARK: Copies

  private let shadow = Holder(principal: secondDrone, incarnation: Incarnation(9))

  private func listed(_ holders: [Holder], number: UInt64 = 4) -> PartitionFence {
    var listed = fence
    listed.inSync = InSyncList(number: number, holders: holders)
    return listed
  }

  private func opening(
    _ fence: PartitionFence, _ mode: Grant.Mode, copy: FencingToken? = nil, _ holder: Holder
  ) -> PartitionFence.Opening {
    PartitionFence.opening(
      fence, token: token(3, 6), holder: holder.principal, incarnation: holder.incarnation, mode: mode,
      copy: copy)
  }

  @Test("nobody loads what may be in the memory of shadows alone; whoever is on the list is promoted")
  func promotion() {
    let fence = listed([shadow])
    #expect(opening(fence, .load, shadow) == .copiesElsewhere([shadow]))
    guard case .raised(let raised) = opening(fence, .promote, copy: token(3, 5), shadow) else {
      return #expect(Bool(false), "the shadow is not promoted")
    }
    #expect(raised.token == token(3, 6) && raised.holder == secondDrone && raised.base == 20)
    let owner = Holder(principal: fence.holder, incarnation: fence.incarnation)
    #expect(raised.inSync.number == fence.inSync.number)
    #expect(raised.inSync.holders.contains(shadow), "the other copies are as good until its own is stored")
    #expect(raised.numbering == token(3, 5))
    // With nobody on it, nobody's copy is, and what the last owner numbers from now on is its own.
    guard case .raised(let own) = opening(listed([]), .promote, copy: token(3, 5), owner) else {
      return #expect(Bool(false), "the last owner is not promoted")
    }
    #expect(own.numbering == own.token)
    // Should it end now, another of the list is promoted in its place.
    let third = Holder(principal: firstDrone, incarnation: Incarnation(8))
    var both = listed([shadow, third])
    both.numbering = token(3, 4)
    #expect(
      PartitionFence.opening(
        both, token: token(3, 9), holder: third.principal, incarnation: third.incarnation, mode: .promote,
        copy: token(3, 4)) != .notInSync)
  }

  @Test("a copy of other records, of another life, or off the list is not promoted")
  func notInSync() {
    #expect(opening(listed([shadow]), .promote, copy: token(3, 4), shadow) == .notInSync)
    #expect(opening(listed([shadow]), .promote, copy: nil, shadow) == .notInSync)
    #expect(opening(listed([]), .promote, copy: token(3, 5), shadow) == .notInSync)
    let restarted = Holder(principal: secondDrone, incarnation: Incarnation(10))
    #expect(opening(listed([shadow]), .promote, copy: token(3, 5), restarted) == .notInSync)
    #expect(
      PartitionFence.opening(
        nil, token: token(1), holder: firstDrone, incarnation: Incarnation(7), mode: .promote, copy: token(1))
        == .notInSync)
  }

  @Test(
    "for an earlier life of its own a drone is promoted where the list names that one, or it was the last owner's"
  )
  func earlierLife() {
    let restarted = Holder(principal: secondDrone, incarnation: Incarnation(10))
    func opening(_ fence: PartitionFence, _ holder: Holder, for life: UInt64) -> PartitionFence.Opening {
      PartitionFence.opening(
        fence, token: token(3, 6), holder: holder.principal, incarnation: holder.incarnation, mode: .promote,
        copy: token(3, 5), life: Incarnation(life))
    }
    guard case .raised(let raised) = opening(listed([shadow]), restarted, for: 9) else {
      return #expect(Bool(false), "the listed life is not believed")
    }
    #expect(raised.holder == secondDrone && raised.incarnation == Incarnation(10))
    #expect(raised.numbering == token(3, 5) && raised.inSync.holders.contains(shadow))
    let owner = Holder(principal: firstDrone, incarnation: Incarnation(77))
    #expect(opening(listed([shadow]), owner, for: 7) != .notInSync, "the last owner's life")
    // A life that the list does not name, and one that is another drone's.
    #expect(opening(listed([shadow]), restarted, for: 8) == .notInSync)
    #expect(opening(listed([]), restarted, for: 9) == .notInSync)
    #expect(opening(listed([shadow]), owner, for: 9) == .notInSync)
  }

  @Test("a drone that dies again and again on its way leaves the list as long as it was")
  func diesAgain() {
    var fence = listed([shadow])
    for life in UInt64(10)..<30 {
      guard
        case .raised(let raised) = PartitionFence.opening(
          fence, token: token(3, life), holder: secondDrone, incarnation: Incarnation(life), mode: .promote,
          copy: token(3, 5), life: shadow.incarnation)
      else { return #expect(Bool(false), "life \(life) is not promoted") }
      fence = raised
    }
    let owner = Holder(principal: firstDrone, incarnation: Incarnation(7))
    #expect(fence.inSync.holders == [owner, shadow].sorted())
  }

  @Test("the last owner in the same life has everything, also off the list")
  func lastOwner() {
    let owner = Holder(principal: firstDrone, incarnation: Incarnation(7))
    #expect(opening(listed([shadow]), .promote, copy: token(3, 5), owner) != .notInSync)
  }

  @Test("the last owner counts as in sync when another is promoted that comes to nothing, and then the next")
  func overtakenOwner() {
    let owner = Holder(principal: firstDrone, incarnation: Incarnation(7))
    let third = Holder(principal: secondDrone, incarnation: Incarnation(11))
    var fence = listed([shadow, third])
    for (counter, candidate) in [(UInt64(6), shadow), (7, third), (8, owner)] {
      guard
        case .raised(let raised) = PartitionFence.opening(
          fence, token: token(3, counter), holder: candidate.principal, incarnation: candidate.incarnation,
          mode: .promote, copy: token(3, 5))
      else { return #expect(Bool(false), "\(candidate) is not promoted") }
      #expect(raised.inSync == InSyncList(number: 4, holders: [owner, shadow, third]))
      #expect(raised.numbering == token(3, 5))
      fence = raised
    }
    // Where nobody is listed the database has everything, and nobody's copy is needed.
    guard case .raised(let own) = opening(listed([]), .promote, copy: token(3, 5), owner) else {
      return #expect(Bool(false), "the last owner is not promoted")
    }
    #expect(own.inSync.holders.isEmpty)
  }

  @Test("an owner whose list is as long as can be fits on it, as bytes too")
  func longestList() throws {
    let holders = (20..<20 + SlotMap.maximumShadows).map {
      Holder(principal: secondDrone, incarnation: Incarnation(UInt64($0)))
    }
    guard case .raised(let raised) = opening(listed(holders), .promote, copy: token(3, 5), holders[0]) else {
      return #expect(Bool(false), "the shadow is not promoted")
    }
    #expect(raised.inSync.holders.count == holders.count + 1)
    #expect(try InSyncList.decode(raised.inSync.encoded()) == raised.inSync)
  }

  @Test("an accepted loss opens what nobody could, and empties the list")
  func acceptedLoss() {
    let other = Holder(principal: secondDrone, incarnation: Incarnation(11))
    guard case .raised(let raised) = opening(listed([shadow]), .acceptLoss, other) else {
      return #expect(Bool(false), "it is not opened")
    }
    #expect(raised.inSync.holders.isEmpty && raised.inSync.number == 4)
  }

  @Test("a list is taken with a higher number only, and makes the holder's the newest records")
  func lists() {
    var fence = listed([], number: 4)
    fence.numbering = token(3, 4)
    func batch(_ number: UInt64) -> PartitionBatch {
      PartitionBatch(
        partition: partition(1), token: token(3, 5), incarnation: Incarnation(7), firstSequence: 21,
        records: [], inSync: InSyncList(number: number, holders: [shadow]))
    }
    #expect(PartitionFence.admission(batch(5), from: firstDrone, stored: fence) == .stored(through: 20))
    fence.apply(batch(4), through: 20)
    #expect(fence.inSync.holders.isEmpty && fence.numbering == token(3, 4))
    fence.apply(batch(5), through: 20)
    #expect(fence.inSync.holders == [shadow] && fence.numbering == token(3, 5))
    fence.apply(batch(3), through: 20)
    #expect(fence.inSync.number == 5)
  }
}
