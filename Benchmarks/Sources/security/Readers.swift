import Foundation
import Keyval

/// Callers that read short values over sessions that are open already, as many at a time.
struct Readers: Sendable {
  private let client: KeyvalClient
  private static let callers = 64
  private static let keys = (0..<1_024).map { "bench-\($0)" }

  init(_ client: KeyvalClient) async throws {
    self.client = client
    for key in Self.keys { try await client.put(key, "value of \(key)") }
  }

  /// - Returns: reads a second. Each must have succeeded.
  func rate(for time: Duration) async throws -> Double {
    let count = Count()
    let clock = ContinuousClock()
    let began = clock.now
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
    return Double(count.all) / ((clock.now - began) / .seconds(1))
  }

  func close() { client.close() }
}
