import Keyval
import Synchronization

/// More writes than the database stores: many callers that overwrite keys of their own with rising numbers, without a
/// pause, in values of a kilobyte. Each remembers the last number that was acknowledged.
final class Overload: Sendable {
  private struct Ledger {
    /// By key; of a key there is one writer.
    var acknowledged: [String: Int] = [:]
    var count = 0
    var failures: [String] = []
    var longest = Duration.zero
  }
  private let ledger = Mutex(Ledger())
  private let tasks = Mutex<[Task<Void, Never>]>([])

  init(_ clients: [KeyvalClient], callers: Int, length: Int = 1_000) {
    let all = clients.enumerated().flatMap { index, client in
      (0..<callers).map { caller in
        Task { await self.write("counter \(index)/\(caller)", length, client) }
      }
    }
    tasks.withLock { $0 = all }
  }

  var acknowledged: Int { ledger.withLock { $0.count } }
  var failures: [String] { ledger.withLock { $0.failures } }
  /// From a put to its answer.
  var longestWait: Duration { ledger.withLock { $0.longest } }

  func stop() async {
    let all = tasks.withLock { $0 }
    for task in all { task.cancel() }
    for task in all { await task.value }
  }

  private func write(_ key: String, _ length: Int, _ client: KeyvalClient) async {
    let clock = ContinuousClock()
    for number in 1... {
      if Task.isCancelled { return }
      let began = clock.now
      do {
        try await client.put(key, "\(number) " + String(repeating: ".", count: length))
        let waited = clock.now - began
        ledger.withLock {
          $0.acknowledged[key] = number
          $0.count += 1
          $0.longest = max($0.longest, waited)
        }
      } catch is CancellationError {
        return
      } catch {
        if Task.isCancelled { return }
        ledger.withLock { $0.failures.append("\(key) \(number): \(error)") }
      }
    }
  }

  /// Keys that have less than was acknowledged. More there may be: who is stopped does not wait for his last answer.
  func lost(by client: KeyvalClient) async throws -> [String] {
    var lost: [String] = []
    for (key, number) in ledger.withLock({ $0.acknowledged }).sorted(by: { $0.key < $1.key }) {
      let value = try await client.getString(key) ?? ""
      let found = value.split(separator: " ").first.flatMap { Int($0) } ?? 0
      if found < number { lost.append("\(key) has \(found), acknowledged \(number)") }
    }
    return lost
  }
}
