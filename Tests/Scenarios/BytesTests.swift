import ClusterFixture
import Keyval
import Testing
import Wire

@Suite("Keys and values in a real cluster", .timeLimit(.minutes(30)))
struct BytesTests {
  @Test(
    "what was put is got byte for byte, by another client too, and gone when deleted",
    arguments: [(drones: 1, loops: 1), (drones: 2, loops: 2)])
  func byteForByte(drones: Int, loops: Int) async throws {
    try await ClusterFixture.run(drones: drones, loops: loops) { cluster in
      let writer = try cluster.client()
      let reader = try cluster.client()
      let pairs: [(key: [UInt8], value: [UInt8])] = [
        (Array("greeting".utf8), Array("hello".utf8)),
        (Array("empty".utf8), []),
        ([0], [0]),
        ([UInt8](repeating: 0xFF, count: Limits.maximumKeyLength), Array(0...255)),
        (Array("Straße/naïve/日本語/🗝️".utf8), Array("значение 🗝️\u{0}\r\n".utf8)),
        (
          [UInt8](repeating: 1, count: Limits.maximumKeyLength),
          (0..<Limits.maximumValueLength).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        ),
      ]
      for (key, value) in pairs {
        #expect(try await writer.get(key) == nil)
        #expect(try await writer.put(key, value) == false)
        #expect(try await reader.get(key) == value)
        #expect(try await writer.put(key, value) == true)
      }
      try await refusesTooLong(writer)
      // Once more after a restart: what is on the disk is the same bytes.
      try cluster.kill("d1")
      try cluster.restart("d1")
      for (key, value) in pairs { #expect(try await reader.get(key) == value) }
      for (key, _) in pairs {
        #expect(try await reader.delete(key) == true)
        #expect(try await writer.get(key) == nil)
        #expect(try await writer.delete(key) == false)
      }
    }
  }

  private func refusesTooLong(_ client: KeyvalClient) async throws {
    let (key, value) = (Limits.maximumKeyLength, Limits.maximumValueLength)
    await #expect(throws: KeyvalError.keyEmpty) { try await client.put([], [1]) }
    await #expect(throws: KeyvalError.keyTooLong(length: key + 1, limit: key)) {
      try await client.put([UInt8](repeating: 1, count: key + 1), [])
    }
    await #expect(throws: KeyvalError.valueTooLong(length: value + 1, limit: value)) {
      try await client.put([1], [UInt8](repeating: 1, count: value + 1))
    }
  }

  @Test("many clients with many requests at once each find what they wrote")
  func concurrency() async throws {
    try await ClusterFixture.run(drones: 3, loops: 2) { cluster in
      let clients = try (0..<12).map { _ in try cluster.client() }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (number, client) in clients.enumerated() {
          for task in 0..<16 {
            group.addTask { () async throws in
              for round in 0..<10 {
                let key = "client \(number) task \(task) round \(round)"
                #expect(try await client.put(key, key) == false)
                #expect(try await client.getString(key) == key)
              }
            }
          }
        }
        try await group.waitForAll()
      }
      // Everybody sees everybody's, from one key that all of them write to as well.
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (number, client) in clients.enumerated() {
          group.addTask { () async throws in
            try await client.put("shared", "\(number)")
            let other = (number + 5) % clients.count
            for task in 0..<16 {
              let key = "client \(other) task \(task) round 9"
              #expect(try await client.getString(key) == key)
            }
          }
        }
        try await group.waitForAll()
      }
      let values = try await withThrowingTaskGroup(of: String?.self) { group in
        for client in clients { group.addTask { try await client.getString("shared") } }
        return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
      }
      #expect(values.count == 1 && values.first != .some(nil))
    }
  }
}
