import Cluster
import Keyval

extension KeyvalClient {
  /// Puts a key into each partition. Where nothing was ever written no shadow is listed, and a first write has no second
  /// place but the database.
  public func writeToEveryPartition() async throws {
    var keys: [Partition: String] = [:]
    var number = 0
    while keys.count < Partition.count {
      let key = "first \(number)"
      keys[Slot(key: [UInt8](key.utf8)).partition] = key
      number += 1
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for partition in Partition.all {
        guard let key = keys[partition] else { continue }
        group.addTask { _ = try await self.put(key, "") }
      }
      try await group.waitForAll()
    }
  }
}
