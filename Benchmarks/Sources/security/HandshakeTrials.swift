import Foundation
import Kerberos
import Transport

/// Handshakes with a drone, and with `redis-server` over TLS 1.3 with client certificates, as many at a time.
///
/// Each is followed by one read of a short value, and counts once that is answered: then both sides are known
/// to have finished it. Without that, `redis-server` finds most connections closed before its half is done.
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
    let key = try await cluster.key(of: drone, value: Array("value".utf8))
    _ = try await keyval(drone, key, for: .milliseconds(500))
    _ = try await redis.handshakes(callers: Self.callers, seconds: 1)
    var (ours, theirs): ([Outcome], [Outcome]) = ([], [])
    for _ in 0..<pace.trials {
      ours.append(try await keyval(drone, key, for: pace.time))
      let outcome = try await redis.handshakes(
        callers: Self.callers, seconds: Int(pace.time.components.seconds))
      theirs.append(
        Outcome(
          perSecond: Double(outcome.count) / outcome.seconds,
          cost: outcome.processorTime * 1000 / Double(outcome.count)))
    }
    report.add("handshakes with a drone", ours.map(\.perSecond), "a second")
    report.add("handshakes with redis-server, TLS 1.3", theirs.map(\.perSecond), "a second")
    report.add(
      "… ratio, callers and servers on the same cores", zip(ours, theirs).map { $0.perSecond / $1.perSecond },
      "×", atLeast: 0.7)
    report.add("processor time of a drone", ours.map(\.cost), "ms a handshake")
    report.add("processor time of redis-server", theirs.map(\.cost), "ms a handshake")
    report.add(
      "… ratio of what a second of it is good for", zip(ours, theirs).map { $1.cost / $0.cost }, "×",
      atLeast: 0.7)
  }

  private func keyval(
    _ drone: VictimCluster.Drone, _ key: [UInt8], for time: Duration
  ) async throws -> Outcome {
    let credential = try cluster.alice()
    let count = Count()
    let before = try drone.process.processorTime
    let clock = ContinuousClock()
    let began = clock.now
    try await withThrowingTaskGroup { [cluster] group in
      for _ in 0..<Self.callers {
        group.addTask {
          while clock.now - began < time {
            let loop = VictimCluster.group.next()
            let answered = loop.makePromise(of: Void.self)
            let session: SessionReference
            do {
              session = try await SessionDialer(cluster: cluster.name).dial(
                drone.principal, at: drone.address, on: loop, credential: { credential },
                handler: { _, _ in OneRead(key, answered: answered) })
            } catch {
              answered.fail(error)
              throw error
            }
            try await answered.futureResult.get()
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
