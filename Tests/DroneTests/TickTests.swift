import Cluster
import Testing

@testable import Drone

@Suite("When time has work for a drone") struct TickTests {
  private let timing = Timing()

  @Test("one that serves and hears its commander wakes to register, or when that is late")
  func serving() {
    var drone = TestDrone.serving()
    drone.feed(.ticked)
    #expect(drone.core.nextTick == drone.now + timing.suspicion + 1)
    drone.now = drone.now + 500
    drone.heartbeat(1, from: 2, sequence: 2)
    #expect(drone.core.nextTick == drone.now + 500, "it registers every four heartbeats")
    drone.now = drone.core.nextTick
    #expect(!drone.feed(.ticked).isEmpty)
  }

  @Test("one that lacks what it is to serve, or has a candidacy under way, looks several times a heartbeat")
  func waiting() {
    var drone = TestDrone.registered()
    drone.heartbeat(1, from: 2)
    drone.publish(Names.set(0..<10), term: 1, by: 2)
    drone.feed(.ticked)
    #expect(drone.core.nextTick <= drone.now + timing.heartbeat * 2)
    var candidate = TestDrone.registered()
    #expect(candidate.stand() != nil)
    #expect(candidate.core.nextTick == candidate.now + timing.step)
  }
}
