import Foundation
import Kerberos
import Transport

/// Handshakes with a drone, and with `redis-server` over TLS 1.3 with client certificates, one after the other and as
/// many at a time.
struct HandshakeTrials {
  private let cluster: VictimCluster
  private let pace: Pace
  private let directory: String
  private static let callers = 4

  init(_ cluster: VictimCluster, _ pace: Pace, _ directory: String) {
    self.cluster = cluster
    self.pace = pace
    self.directory = directory
  }

  private struct Outcome {
    let perSecond: Double
    /// Milliseconds of the server's processor time for each.
    let cost: Double
  }

  func run(_ report: inout Report) async throws {
    let redis = try await RedisServer(in: "\(directory)/redis")
    defer { redis.stop() }
    let drone = try cluster.drone()
    // The ticket for the drone, and everything that is done once only.
    _ = try await keyval(drone, for: .milliseconds(500))
    _ = try await redis.handshakes(callers: Self.callers, seconds: 1)
    var (ours, theirs): ([Outcome], [Outcome]) = ([], [])
    for _ in 0..<pace.trials {
      ours.append(try await keyval(drone, for: pace.time))
      let before = try redis.process.processorTime
      let count = try await redis.handshakes(
        callers: Self.callers, seconds: Int(pace.time.components.seconds))
      theirs.append(
        Outcome(
          perSecond: Double(count) / Double(pace.time.components.seconds),
          cost: (try redis.process.processorTime - before) * 1000 / Double(max(1, count))))
    }
    report.add("handshakes with a drone", ours.map(\.perSecond), "a second")
    report.add("handshakes with redis-server, TLS 1.3", theirs.map(\.perSecond), "a second")
    report.add(
      "… ratio, callers and servers on the same cores", zip(ours, theirs).map { $0.perSecond / $1.perSecond },
      "×",
      atLeast: 0.7)
    report.add("processor time of a drone", ours.map(\.cost), "ms a handshake")
    report.add("processor time of redis-server", theirs.map(\.cost), "ms a handshake")
    report.add(
      "… ratio of what a second of it is good for", zip(ours, theirs).map { $1.cost / $0.cost }, "×",
      atLeast: 0.7)
  }

  private func keyval(_ drone: VictimCluster.Drone, for time: Duration) async throws -> Outcome {
    let credential = try cluster.alice()
    let count = Count()
    let before = try drone.process.processorTime
    let clock = ContinuousClock()
    let began = clock.now
    try await withThrowingTaskGroup { [cluster] group in
      for _ in 0..<Self.callers {
        group.addTask {
          while clock.now - began < time {
            let session = try await SessionDialer(cluster: cluster.name).dial(
              drone.principal, at: drone.address, on: VictimCluster.group.next(), credential: { credential },
              handler: { _, _ in Ignorant() })
            session.close()
            count.add()
          }
        }
      }
      try await group.waitForAll()
    }
    let (seconds, all) = ((clock.now - began) / .seconds(1), Double(count.all))
    return Outcome(
      perSecond: all / seconds, cost: (try drone.process.processorTime - before) * 1000 / max(1, all))
  }
}
