import Cluster
import Testing

@testable import Drone

@Suite("Leases") struct LeaseTests {
  private let ten = Names.set(0..<10)

  @Test("a lease counts from the sending of the nonce, however late its answer")
  func fromSending() throws {
    var drone = TestDrone.serving()
    let sent = drone.now
    let report = try #require(drone.heartbeat(1, from: 2, sequence: 2).report)
    drone.now = drone.now + 1500
    let lease = try #require(drone.renew(ten, nonce: report.nonce, term: 1, by: 2).served)
    #expect(lease.0 == ten && lease.until == sent + drone.timing.lease)
  }

  @Test("an answer that comes after the lease's end, twice, or to a nonce never sent gives nothing")
  func worthless() throws {
    var drone = TestDrone.serving()
    let report = try #require(drone.heartbeat(1, from: 2, sequence: 2).report)
    #expect(drone.renew(ten, nonce: report.nonce + 1, term: 1, by: 2).isEmpty)
    drone.now = drone.now + drone.timing.lease
    #expect(
      drone.renew(ten, nonce: report.nonce, term: 1, by: 2) == [.setDenials(false)],
      "no lease; and with the last one it is over that the access list is known to be in force")
  }

  @Test("answers out of order never shorten a lease")
  func order() throws {
    var drone = TestDrone.serving()
    let first = try #require(drone.heartbeat(1, from: 2, sequence: 2).report)
    drone.now = drone.now + 100
    let second = try #require(drone.heartbeat(1, from: 2, sequence: 3).report)
    #expect(drone.renew(ten, nonce: second.nonce, term: 1, by: 2).served != nil)
    #expect(drone.renew(ten, nonce: first.nonce, term: 1, by: 2).isEmpty)
  }

  @Test("only the commander that is believed renews, in its term, and no longer than the cluster's lease")
  func whose() throws {
    var drone = TestDrone.serving()
    let sent = drone.now
    let report = try #require(drone.heartbeat(1, from: 2, sequence: 2).report)
    #expect(drone.renew(ten, nonce: report.nonce, term: 1, by: 3).isEmpty)
    #expect(drone.renew(ten, nonce: report.nonce, term: 2, by: 2).isEmpty)
    let long = Renewal(term: Term(1), nonce: report.nonce, partitions: ten, milliseconds: .max)
    let lease = try #require(drone.receive(.renewal(long), from: 2).served)
    #expect(lease.until == sent + drone.timing.lease)
  }

  @Test("a renewal covers what the report named that it answers, and nothing that was loaded since")
  func reloaded() throws {
    var drone = TestDrone.serving()
    let report = try #require(drone.heartbeat(1, from: 2, sequence: 2).report)
    // Given back, and granted once more: in between it may have been another drone's.
    drone.receive(.release(Release(term: Term(1), partitions: Names.set([3]))), from: 2)
    drone.feed(.closed(Names.set([3])))
    drone.grant(Names.set([3]), Names.token(1, 5), by: 2)
    let opened = try #require(drone.feed(.opened(Names.set([3]), Names.token(1, 5))).report)
    let late = try #require(drone.renew(ten, nonce: report.nonce, term: 1, by: 2).served)
    #expect(late.0 == ten.subtracting(Names.set([3])))
    #expect(drone.renew(ten, nonce: opened.nonce, term: 1, by: 2).served?.0 == ten)
  }

  @Test("an answer to an earlier life of the drone gives nothing")
  func earlierLife() throws {
    var earlier = TestDrone(incarnation: 0x2000)
    earlier.list(3, term: 0)
    var later = TestDrone(incarnation: 0x3000)
    later.list(3, term: 0)
    let old = try #require(earlier.heartbeat(1, from: 2).report)
    let new = try #require(later.heartbeat(1, from: 2).report)
    #expect(old.nonce != new.nonce)
  }

  @Test("while a partition is being given back no renewal reaches it, and it is reported until it is closed")
  func closing() throws {
    var drone = TestDrone.serving()
    let release = drone.receive(.release(Release(term: Term(1), partitions: Names.set([0, 20]))), from: 2)
    #expect(release == [.close(Names.set([0]))])
    let report = try #require(drone.heartbeat(1, from: 2, sequence: 2).report)
    #expect(report.holdings == [Holding(token: Names.token(1, 1), partitions: ten)])
    #expect(drone.renew(ten, nonce: report.nonce, term: 1, by: 2).served?.0 == Names.set(1..<10))
    let after = try #require(drone.feed(.closed(Names.set([0]))).report)
    #expect(after.holdings == [Holding(token: Names.token(1, 1), partitions: Names.set(1..<10))])
  }

  // MARK: A new commander

  @Test("what is still under a lease is reported to a new commander, and serves on")
  func kept() throws {
    var drone = TestDrone.serving()
    drone.now = drone.now + 1500
    let actions = drone.heartbeat(2, from: 3)
    #expect(actions.closed == nil)
    let report = try #require(actions.report)
    #expect(report.holdings == [Holding(token: Names.token(1, 1), partitions: ten)])
    #expect(drone.renew(ten, nonce: report.nonce, term: 2, by: 3).served?.0 == ten)
  }

  @Test("what lapsed under an earlier commander is given up, not reported to a new one")
  func lapsed() throws {
    var drone = TestDrone.serving()
    drone.now = drone.now + drone.timing.lease
    let actions = drone.heartbeat(2, from: 3)
    #expect(actions.closed == ten)
    #expect(actions.report?.holdings == [])
    // Nor asked for before the data loops have let go of it.
    drone.publish(ten, term: 2, by: 3)
    #expect(drone.pass(600).grantRequest == nil)
    drone.heartbeat(2, from: 3, sequence: 2)
    drone.feed(.closed(ten))
    #expect(drone.pass(600).grantRequest?.partitions == ten)
  }

  @Test("what lapsed under the same commander is reported: it knows whether it gave it away")
  func lapsedUnderTheSame() throws {
    var drone = TestDrone.serving()
    drone.now = drone.now + 60_000
    let actions = drone.heartbeat(1, from: 2, sequence: 2)
    #expect(actions.closed == nil)
    #expect(actions.report?.holdings == [Holding(token: Names.token(1, 1), partitions: ten)])
  }

  @Test("a partition that a new commander renewed is its own: lapsed, it is reported to it")
  func renewedUnderTheNew() throws {
    var drone = TestDrone.serving()
    let report = try #require(drone.heartbeat(2, from: 3).report)
    drone.renew(Names.set(0..<5), nonce: report.nonce, term: 2, by: 3)
    drone.now = drone.now + 10_000
    let actions = drone.heartbeat(2, from: 3, sequence: 2)
    #expect(actions.closed == Names.set(5..<10))
    #expect(actions.report?.holdings == [Holding(token: Names.token(1, 1), partitions: Names.set(0..<5))])
  }

  @Test("what is opened under a grant of an earlier term is given up at once")
  func openedLate() {
    var drone = TestDrone.registered()
    drone.heartbeat(1, from: 2)
    drone.grant(ten, Names.token(1, 1), by: 2)
    drone.heartbeat(2, from: 3)
    let actions = drone.feed(.opened(ten, Names.token(1, 1)))
    #expect(actions.closed == ten)
    #expect(actions.report?.holdings == [])
  }

  @Test("a report to a new commander does not answer a heartbeat that it never sent")
  func sequence() {
    var drone = TestDrone.serving()
    drone.heartbeat(1, from: 2, sequence: 77)
    drone.list(3, term: 2, certificate: Names.certificate(2, 3))
    #expect(drone.feed(.lost(Names.set([1]), Names.token(1, 1))).report?.sequence == 0)
  }

  @Test("a data loop that does not tick is reported, with all its partitions")
  func lively() {
    var drone = TestDrone.registered(loops: 2)
    drone.pass(2000, loops: [0])
    let report = drone.heartbeat(1, from: 2).report
    #expect(report?.lively == Names.set(Array(stride(from: 0, to: Partition.count, by: 2))))
  }
}
