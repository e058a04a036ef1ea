import Foundation
import Keyval

/// Callers that read short values over sessions that are open already, as many at a time.
struct Readers: Sendable {
  private let client: KeyvalClient
  private let servers: [ProcessFigures]
  private static let callers = 64
  private static let keys = (0..<1_024).map { "bench-\($0)" }

  struct Outcome {
    let perSecond: Double
    /// Microseconds of the servers' processor time for each.
    let cost: Double
  }

  /// - Parameter servers: the processes that are read from.
  init(_ client: KeyvalClient, servers: [ProcessFigures]) async throws {
    self.client = client
    self.servers = servers
    for key in Self.keys { try await client.put(key, "value of \(key)") }
  }

  /// Each read must succeed.
  func read(for time: Duration) async throws -> Outcome {
    let count = Count()
    let clock = ContinuousClock()
    let (began, before) = (clock.now, try processorTime())
    try await withThrowingTaskGroup { [client] group in
      for caller in 0..<Self.callers {
        group.addTask {
          var next = caller
          while clock.now - began < time {
            next = (next + Self.callers) % Self.keys.count
            guard try await client.get(Self.keys[next]) != nil else {
              throw BenchmarkError("a value is gone")
            }
            count.add()
          }
        }
      }
      try await group.waitForAll()
    }
    let (elapsed, used) = ((clock.now - began) / .seconds(1), try processorTime() - before)
    let all = Double(max(1, count.all))
    return Outcome(perSecond: all / elapsed, cost: used * 1_000_000 / all)
  }

  private func processorTime() throws -> Double { try servers.reduce(0) { try $0 + $1.processorTime } }

  func close() { client.close() }
}
