import Cluster
import Testing

@testable import Database

@Suite("How contents are handed out") struct ContentsDeliveryTests {
  private let stream = ContentsStream(
    identifier: 5, session: 1, number: 9,
    opening: PartitionOpening(
      holder: firstDrone, incarnation: Incarnation(7), token: token(3),
      partitions: [partition(1), partition(2)]))

  private func end(_ number: Int) -> StorePart {
    .end(PartitionTail(partition: partition(number), sequence: 4, inSync: .empty, past: PastWrites()))
  }

  @Test("each part is told under the number of the request, and the end when all has been told") func parts()
  {
    var delivery = ContentsDelivery(stream)
    #expect(
      delivery.answer(.entries(partition(1), []))
        == .contents(number: 9, partition: partition(1), entries: []))
    #expect(
      delivery.answer(end(1))
        == .opened(number: 9, partition: partition(1), sequence: 4, inSync: .empty, past: PastWrites()))
    guard case .streamed(5) = delivery.completed else {
      Issue.record("the core is told \(delivery.completed)")
      return
    }
  }

  @Test("what has not been told to its end is missing when it fails, or when nobody is there") func rest() {
    var delivery = ContentsDelivery(stream)
    _ = delivery.answer(.entries(partition(1), []))
    _ = delivery.answer(end(2))
    let failure = StoreFailure(.waiting, told: "the disk is full")
    guard case .streamFailed(5, rest: [partition(1)], failure) = delivery.failed(failure),
      case .streamFailed(5, rest: [partition(1)], let gone) = delivery.abandoned
    else {
      Issue.record("the core is told \(delivery.failed(failure)) and \(delivery.abandoned)")
      return
    }
    #expect(gone.trouble == .partial)
  }
}
