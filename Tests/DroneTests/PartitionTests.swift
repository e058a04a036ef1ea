import Cluster
import Testing

@testable import Drone

@Suite("A drone's partitions") struct PartitionTests {
  private let ten = Names.set(0..<10)

  @Test("what the map gives is asked for, again and again until it comes")
  func asks() {
    var drone = TestDrone.registered()
    drone.heartbeat(1, from: 2)
    let first = drone.publish(ten, term: 1, by: 2).grantRequest
    #expect(first?.partitions == ten && first?.incarnation == Incarnation(0x1000))
    #expect(drone.pass(250).grantRequest == nil)
    #expect(drone.pass(300).grantRequest?.partitions == ten)
    drone.grant(Names.set(0..<4), Names.token(1, 1), by: 2)
    drone.heartbeat(1, from: 2, sequence: 2)
    #expect(drone.pass(600).grantRequest?.partitions == Names.set(4..<10))
  }

  @Test("a grant opens what is not held yet, once")
  func opens() {
    var drone = TestDrone.registered()
    drone.heartbeat(1, from: 2)
    drone.publish(ten, term: 1, by: 2)
    #expect(drone.grant(ten, Names.token(1, 1), by: 2).opened?.partitions == ten)
    #expect(drone.grant(ten, Names.token(1, 2), by: 2).isEmpty)
    #expect(drone.grant(Names.set(8..<12), Names.token(1, 3), by: 2).opened?.partitions == Names.set(10..<12))
  }

  @Test("grants, releases and maps of anybody but the commander, or of another term, do nothing")
  func strangers() {
    var drone = TestDrone.serving()
    #expect(drone.grant(Names.set([50]), Names.token(1, 9), by: 3).isEmpty)
    #expect(drone.grant(Names.set([50]), Names.token(2, 9), by: 2).isEmpty)
    #expect(drone.receive(.release(Release(term: Term(1), partitions: ten)), from: 3).isEmpty)
    #expect(drone.receive(.release(Release(term: Term(2), partitions: ten)), from: 2).isEmpty)
    #expect(drone.publish(ten, term: 2, version: 9, by: 3).isEmpty)
  }

  @Test("a grant that was made for an earlier life of this drone is not shown to the database")
  func earlierLife() {
    var drone = TestDrone.serving()
    let late = TestDrone.answer(
      Names.set([50]), Names.token(1, 9), for: 1, incarnation: Incarnation(0x999))
    #expect(drone.receive(.grantAnswer(late), from: 2).isEmpty)
    #expect(drone.grant(Names.set([50]), Names.token(1, 9), by: 2).opened?.partitions == Names.set([50]))
  }

  @Test("a map with a forged signature, or one that is older, is not installed")
  func maps() {
    var drone = TestDrone.serving()
    drone.publish(ten, term: 1, version: 5, by: 2)
    #expect(drone.core.slotMap?.version == 5)
    drone.publish([], term: 1, version: 4, by: 2)
    #expect(drone.core.slotMap?.version == 5)
    let signed = Names.signed(
      SlotMap(
        cluster: Names.cluster, term: Term(1), version: 8, expiry: drone.wall + 60, commander: Names.drone(2),
        drones: [], owners: [Int?](repeating: nil, count: Partition.count))!)
    var forged = signed.body
    forged[forged.count - 1] ^= 1
    drone.receive(
      .mapPublished(
        SignedSlotMap(body: forged, signature: signed.signature, certificate: signed.certificate)), from: 2)
    #expect(drone.core.slotMap?.version == 5)
  }

  @Test("a drone that ends gives everything back, and neither asks for anything nor takes it")
  func retires() {
    var drone = TestDrone.serving()
    #expect(drone.feed(.retired) == [.close(ten)])
    let report = drone.feed(.closed(ten)).report
    #expect(report?.holdings == [] && report?.lively == [])
    #expect(drone.publish(Names.set(0..<20), term: 1, version: 9, by: 2).grantRequest == nil)
    #expect(drone.grant(Names.set([50]), Names.token(1, 9), by: 2).isEmpty)
  }

  @Test("a grant that came to nothing is asked for anew")
  func lostOpening() {
    var drone = TestDrone.registered()
    drone.heartbeat(1, from: 2)
    drone.publish(ten, term: 1, by: 2)
    drone.grant(ten, Names.token(1, 1), by: 2)
    #expect(drone.pass(700).grantRequest == nil)
    drone.heartbeat(1, from: 2, sequence: 2)
    #expect(drone.feed(.lost(ten, Names.token(1, 1))).report != nil)
    #expect(drone.pass(600).grantRequest?.partitions == ten)
  }

  @Test("news of an earlier token is no news of the present one")
  func staleNews() {
    var drone = TestDrone.serving()
    drone.feed(.lost(ten, Names.token(0, 9)))
    drone.feed(.opened(ten, Names.token(0, 9)))
    #expect(
      drone.heartbeat(1, from: 2, sequence: 2).report?.holdings
        == [Holding(token: Names.token(1, 1), partitions: ten)])
  }

  @Test("a partition is closed with the answer to the last time that it was told to")
  func lateClosed() {
    var drone = TestDrone.serving()
    let one = Names.set([0])
    let release = ControlMessage.release(Release(term: Term(1), partitions: one))
    drone.receive(release, from: 2)
    // A fence took it first; it is granted again, and released again, before the first answer comes.
    drone.feed(.lost(one, Names.token(1, 1)))
    drone.grant(one, Names.token(1, 2), by: 2)
    drone.feed(.opened(one, Names.token(1, 2)))
    #expect(drone.receive(release, from: 2).closed == one)
    drone.feed(.closed(one))
    #expect(drone.core.holdings[Names.partition(0)] == .closing(Names.token(1, 2)))
    drone.feed(.closed(one))
    #expect(drone.core.holdings[Names.partition(0)] == .none)
  }

  @Test("holdings are reported in order of token")
  func order() {
    var drone = TestDrone.serving()
    for (number, counter) in [(30, 9), (31, 4), (32, 7)] {
      drone.grant(Names.set([number]), Names.token(1, UInt64(counter)), by: 2)
      drone.feed(.opened(Names.set([number]), Names.token(1, UInt64(counter))))
    }
    let report = drone.heartbeat(1, from: 2, sequence: 2).report
    #expect(report?.holdings.map(\.token.counter) == [1, 4, 7, 9])
  }
}
