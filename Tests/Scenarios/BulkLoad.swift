import Glibc
import Keyval
import LocalCluster
import Synchronization

/// Writers of large values, each key once, and a ledger of what was acknowledged.
final class BulkLoad: Sendable {
  private struct Ledger {
    var acknowledged: [String] = []
    var failures: [String] = []
  }
  private let client: KeyvalClient
  private let ledger = Mutex(Ledger())
  private let tasks = Mutex<[Task<Void, Never>]>([])

  private static let length = 16 << 10

  init(_ client: KeyvalClient, writers: Int = 8) {
    self.client = client
    let all = (0..<writers).map { writer in Task { await self.write(writer) } }
    tasks.withLock { $0 = all }
  }

  var acknowledged: Int { ledger.withLock { $0.acknowledged.count } }
  var failures: [String] { ledger.withLock { $0.failures } }

  func stop() async {
    let all = tasks.withLock { $0 }
    for task in all { task.cancel() }
    for task in all { await task.value }
  }

  private static func value(_ key: String) -> String {
    key + String(repeating: ".", count: length - key.utf8.count)
  }

  private func write(_ writer: Int) async {
    for number in 1... {
      if Task.isCancelled { return }
      let key = "bulk/\(writer)/\(number)"
      do {
        try await client.put(key, Self.value(key))
        ledger.withLock { $0.acknowledged.append(key) }
      } catch is CancellationError {
        return
      } catch {
        if Task.isCancelled { return }
        ledger.withLock { $0.failures.append("\(error)") }
      }
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  /// The acknowledged keys that are not there, or are not as they were written.
  func lost(by client: KeyvalClient) async throws -> [String] {
    try await withThrowingTaskGroup(of: String?.self) { group in
      var lost: [String] = []
      for (index, key) in ledger.withLock({ $0.acknowledged }).enumerated() {
        if index >= 32, let result = try await group.next() { lost += [result].compactMap { $0 } }
        group.addTask { try await client.getString(key) == Self.value(key) ? nil : key }
      }
      for try await result in group { lost += [result].compactMap { $0 } }
      return lost
    }
  }
}
