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
      key: [1], change: .delete, client: ClientIncarnation(high: 1, low: 1), write: 1, existed: true)
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
}
