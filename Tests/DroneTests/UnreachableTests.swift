import Cluster
import Testing

@testable import Drone

@Suite("Drones that are not reached") struct UnreachableTests {
  /// One of four, which follows drone 4.
  private struct Follower {
    var drone = TestDrone.registered(1, drones: 4)

    init() { drone.heartbeat(1, from: 4) }

    /// Of whom the commander is told.
    mutating func told(_ unreachable: Int) -> [Principal] {
      drone.feed(.foundUnreachable(Names.drone(unreachable))).compactMap {
        guard case .send(.unreachable(let report), Names.drone(4)) = $0, report.term == Term(1) else {
          return nil
        }
        return report.principal
      }
    }
  }

  @Test("the commander is told at once, and of each drone once in a heartbeat at most")
  func told() {
    var follower = Follower()
    #expect(follower.told(2) == [Names.drone(2)])
    #expect(follower.told(2) == [])
    #expect(follower.told(3) == [Names.drone(3)])
    let heartbeat = follower.drone.timing.heartbeat
    follower.drone.now = follower.drone.now + (heartbeat - 1)
    #expect(follower.told(2) == [])
    follower.drone.now = follower.drone.now + 1
    #expect(follower.told(2) == [Names.drone(2)])
  }

  @Test("nobody is told of himself, of the commander, of strangers, or while the commander is silent")
  func untold() {
    var follower = Follower()
    for other in [1, 4, 9] { #expect(follower.told(other) == []) }
    let timing = follower.drone.timing
    follower.drone.pass(timing.suspicion + timing.heartbeat)
    #expect(follower.told(2) == [])
  }
}

@Suite("A data loop's session with a shadow") struct ReplicationLinkTests {
  private struct Link {
    var core = ReplicationLinkCore(peer: Names.drone(2))
    var data = DataCore(incarnation: Incarnation(1))

    mutating func feed(_ event: ReplicationLinkCore.Event) -> [ReplicationLinkCore.Action] {
      core.handle(event, &data, canSend: true, now: Instant(milliseconds: 1_000))
    }

    /// Whether the commander shall look.
    mutating func reports(_ event: ReplicationLinkCore.Event) -> Bool {
      feed(event).contains { if case .report = $0 { true } else { false } }
    }
  }

  @Test("a shadow that cannot be dialled, or whose session ends, is reported each time")
  func reported() {
    var link = Link()
    #expect(link.reports(.located(Names.node(2))) == false)
    #expect(link.reports(.dialFailed) == true)
    #expect(link.reports(.redialDue) == false)
    #expect(link.reports(.dialFailed) == true)
    #expect(link.reports(.redialDue) == false)
    #expect(link.reports(.sessionOpened) == false)
    #expect(link.reports(.sessionClosed) == true)
  }

  @Test("a shadow that is away is dialled after growing pauses, however often it is said where it is")
  func pauses() {
    var link = Link()
    #expect(link.feed(.located(Names.node(2))).dials == 1)
    var pauses: [Int64] = []
    for _ in 0..<8 {
      pauses += link.feed(.dialFailed).pauses
      let meanwhile = link.feed(.located(Names.node(2))) + link.feed(.ticked)
      #expect(meanwhile.dials == 0 && meanwhile.pauses.isEmpty)
      #expect(link.feed(.redialDue).dials == 1)
    }
    #expect(pauses.count == 8 && pauses == pauses.sorted() && pauses[0] < pauses[3])
    // At another address it is dialled at once, and the pause that was under way is the only one.
    #expect(link.feed(.dialFailed).pauses.count == 1)
    let moved = RegisteredNode(principal: Names.drone(2), endpoint: Endpoint(host: "127.0.0.1", port: 9))
    #expect(link.feed(.located(moved)).dials == 1)
    #expect(link.feed(.dialFailed).pauses.isEmpty)
    #expect(link.feed(.redialDue).dials == 1)
  }

  @Test("an end that is wanted is not reported: it shadows nothing any more, or this drone stops")
  func unreported() {
    var needless = Link()
    for event in [.located(Names.node(2)), .sessionOpened, .located(nil), .sessionClosed]
      as [ReplicationLinkCore.Event]
    {
      #expect(needless.reports(event) == false)
    }
    var stopping = Link()
    for event in [.located(Names.node(2)), .sessionOpened, .stopped, .sessionClosed]
      as [ReplicationLinkCore.Event]
    {
      #expect(stopping.reports(event) == false)
    }
  }
}

extension [ReplicationLinkCore.Action] {
  fileprivate var dials: Int { count { if case .dial = $0 { true } else { false } } }
  fileprivate var pauses: [Int64] { compactMap { if case .redial(let pause) = $0 { pause } else { nil } } }
}
