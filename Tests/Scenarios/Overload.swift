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
  /// By caller; one of each client.
  private let tasks = Mutex<[[Task<Void, Never>]]>([])

  init(_ clients: [KeyvalClient], callers: Int, length: Int = 1_000) {
    let all = (0..<callers).map { caller in
      clients.enumerated().map { index, client in
        Task { await self.write("counter \(index)/\(caller)", length, client) }
      }
    }
    tasks.withLock { $0 = all }
  }

  /// Lets so many callers of each client go on; what the others were told stays promised.
  func ease(toCallers callers: Int) async {
    let ended = tasks.withLock { tasks in
      defer { tasks = Array(tasks.prefix(callers)) }
      return tasks.dropFirst(callers).flatMap(\.self)
    }
    await Self.end(ended)
  }

  func stop() async { await ease(toCallers: 0) }

  private static func end(_ tasks: [Task<Void, Never>]) async {
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
  }

  var acknowledged: Int { ledger.withLock { $0.count } }
  var failures: [String] { ledger.withLock { $0.failures } }
  /// From a put to its answer.
  var longestWait: Duration { ledger.withLock { $0.longest } }

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
