import Cluster
import ClusterFixture
import Keyval
import Testing

extension SecurityTests {
  @Suite("Memory")
  struct CeilingTests {
    private static let value = [UInt8](repeating: 7, count: 20_000)

    private static func key(_ number: Int) -> [UInt8] { Array("filling-\(number)".utf8) }

    /// Puts until every drone has refused one.
    /// - Returns: how many keys have been tried, and those that were taken.
    private static func fill(_ client: KeyvalClient) async throws -> (tried: Int, taken: Set<Int>) {
      var taken: Set<Int> = []
      var full: Set<String> = []
      var tried = 0
      while full.count < 3, tried < 40_000 {
        let numbers = tried..<tried + 64
        let results = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
          for number in numbers {
            group.addTask { (number, try await refusal(of: key(number), client)) }
          }
          var results: [(Int, String?)] = []
          for try await result in group { results.append(result) }
          return results
        }
        for (number, drone) in results {
          if let drone { full.insert(drone) } else { taken.insert(number) }
        }
        tried += 64
      }
      return (tried, taken)
    }

    /// The drone that has no room for this key; nil: it is stored.
    private static func refusal(of key: [UInt8], _ client: KeyvalClient) async throws -> String? {
      do {
        try await client.put(key, value)
        return nil
      } catch KeyvalError.memoryFull(let drone) { return drone }
    }

    @Test(
      "a user who fills the memory is refused, others read and delete, and a drone's death fells no other drone"
    )
    func ceiling() async throws {
      let ceiling = 64 << 20
      try await ClusterFixture.run(drones: 3, memory: 3 * ceiling, within: .seconds(170)) { cluster in
        let client = try cluster.client(deadline: .seconds(30))
        try await cluster.eventually("every slot is shadowed") {
          try await client.status().slotsShadowed == 16_384
        }
        let (tried, taken) = try await Self.fill(client)
        #expect(taken.count > 3_000 && taken.count < tried, "\(taken.count) of \(tried)")
        // The commander knows it with the next heartbeat.
        var full = try await client.status()
        try await cluster.eventually("the status says that there is no room") {
          full = try await client.status()
          return full.drones.contains { $0.memory.isFull }
        }
        #expect(full.drones.allSatisfy { $0.memory.ceiling == UInt64(ceiling) })
        let ran = try full.drones.map { try cluster.residentBytes(of: $0.principal.shortName) }
        print("at the ceiling: \(full.drones.map(\.memory.used)) counted, \(ran) resident")
        // The slots are not filled evenly: one may have reached it and another not.
        for name in full.drones.filter(\.memory.isFull).map(\.principal.shortName) {
          try await cluster.eventually("\(name) says so") {
            cluster.log(of: name).contains("the memory ceiling is reached")
          }
        }
        // Who reads and deletes notices nothing.
        for number in taken.sorted().prefix(50) {
          #expect(try await client.get(Self.key(number)) == Self.value)
        }
        let first = try #require(taken.min())
        #expect(try await client.delete(Self.key(first)) == true)

        let victim = try #require(["d1", "d2", "d3"].first { $0 != full.commander.shortName })
        try cluster.kill(victim)
        try await cluster.eventually("the others serve everything", within: .seconds(60)) {
          let status = try await client.status()
          return status.slotsServed == 16_384
            && status.drones.allSatisfy { $0.principal.shortName != victim || $0.slots == 0 }
        }
        for number in taken.subtracting([first]).sorted().enumerated().filter({ $0.offset % 20 == 0 }) {
          #expect(try await client.get(Self.key(number.element)) == Self.value)
        }
        for name in ["d1", "d2", "d3"] where name != victim {
          #expect(try cluster.process(name).identity.isRunning)
          // The reserve, and what the process itself needs and has not given back.
          let resident = try cluster.residentBytes(of: name)
          print("\(name) after the death of \(victim): \(resident >> 20) MiB resident")
          #expect(resident < 2 * ceiling + (128 << 20))
        }
        // Room is made by deletes alone.
        for number in taken.sorted().dropFirst().prefix(taken.count * 3 / 4) {
          try await client.delete(Self.key(number))
        }
        try await cluster.eventually("puts are taken again") {
          do {
            try await client.put(Self.key(0), Self.value)
            return true
          } catch KeyvalError.memoryFull { return false }
        }
      }
    }
  }
}
