import Cluster
import ClusterFixture
import Keyval
import Testing

extension SecurityTests {
  @Suite("Fairness")
  struct FairnessTests {
    /// Small puts one after the other, for a while.
    private static func rate(_ client: KeyvalClient, for duration: Duration) async throws -> Double {
      let clock = ContinuousClock()
      let began = clock.now
      var count = 0
      while clock.now - began < duration {
        try await client.put(Array("small-\(count % 50)".utf8), [1])
        count += 1
      }
      let took = (clock.now - began).components
      return Double(count) / (Double(took.seconds) + Double(took.attoseconds) / 1e18)
    }

    @Test("a user who rewrites large values without a pause leaves others their pace")
    func rewriting() async throws {
      let target = try await Target.shared
      let cluster = target.cluster
      try cluster.replaceAccessList("\(cluster.principal("rewriter")) rwd big/", cluster.aliceMayEverything)
      let result: Result<Void, any Error>
      do {
        let bob = try cluster.client(cache: cluster.cache(of: "rewriter"))
        try await cluster.eventually("the list is in force") {
          do {
            try await bob.put(Array("big/0".utf8), [1])
            return true
          } catch KeyvalError.notPermitted { return false }
        }
        let alone = try await Self.rate(target.client, for: .seconds(2))
        let writers = (0..<16).map { number in
          Task {
            let value = [UInt8](repeating: UInt8(number), count: 400_000)
            while !Task.isCancelled { _ = try? await bob.put(Array("big/\(number)".utf8), value) }
          }
        }
        // Until as much of his waits as may.
        try await cluster.eventually("the database is behind") {
          try await target.client.status().drones.contains { $0.backlog > 4_000_000 }
        }
        let beside = try await Self.rate(target.client, for: .seconds(4))
        for writer in writers { writer.cancel() }
        for writer in writers { await writer.value }
        print("small puts a second: \(Int(alone)) alone, \(Int(beside)) beside one who rewrites")
        // They share processors with him, and the network.
        #expect(beside > alone / 12, "\(Int(alone)) alone, \(Int(beside)) beside")
        for number in 0..<16 { try await bob.delete(Array("big/\(number)".utf8)) }
        bob.close()
        result = .success(())
      } catch { result = .failure(error) }
      try cluster.replaceAccessList(cluster.aliceMayEverything)
      try result.get()
      try await target.isUnharmed()
    }
  }
}
