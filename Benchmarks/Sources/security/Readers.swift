import Foundation
import Keyval
import Measuring

/// Callers that read short values over sessions that are open already, as many at a time.
struct Readers: Sendable {
  private let client: KeyvalClient
  private let servers: [ProcessFigures]
  private let keys: [String]
  private static let callers = 64

  /// What was read, and what that took.
  struct Outcome {
    var reads = 0.0
    var seconds = 0.0
    /// Seconds of the servers' processor time.
    var processorTime = 0.0

    var perSecond: Double { reads / seconds }
    /// Microseconds of the servers' processor time for each.
    var cost: Double { processorTime * 1_000_000 / reads }
  }

  /// - Parameters:
  ///   - servers: the processes that are read from.
  ///   - name: what the keys begin with. Those of all readers are in the same slots.
  init(_ client: KeyvalClient, servers: [ProcessFigures], name: String = "bench") async throws {
    self.client = client
    self.servers = servers
    keys = (0..<1_024).map { "\(name){\($0)}" }
    for key in keys { try await client.put(key, "value of \(key)") }
  }

  /// Each read must succeed.
  func read(for time: Duration) async throws -> Outcome {
    let count = Count()
    let clock = ContinuousClock()
    let (began, before) = (clock.now, try processorTime())
    try await withThrowingTaskGroup { [client, keys] group in
      for caller in 0..<Self.callers {
        group.addTask {
          var next = caller
          while clock.now - began < time {
            next = (next + Self.callers) % keys.count
            guard try await client.get(keys[next]) != nil else { throw BenchmarkError("a value is gone") }
            count.add()
          }
        }
      }
      try await group.waitForAll()
    }
    return Outcome(
      reads: Double(count.all), seconds: (clock.now - began) / .seconds(1),
      processorTime: try processorTime() - before)
  }

  private func processorTime() throws -> Double { try servers.reduce(0) { try $0 + $1.processorTime } }

  func close() { client.close() }
}
