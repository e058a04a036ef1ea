import Cluster
import ClusterFixture
import Keyval
import Synchronization
import Testing
import Wire

extension SecurityTests {
  @Suite("Requests a second")
  struct BudgetTests {
    @Test(
      "who asks more often than his line lets him is told when to come back, on all his sessions together")
    func requests() async throws {
      let target = try await Target.shared
      let cluster = target.cluster
      let key = Array("budget/1".utf8)
      try await target.client.put(key, [1])
      try cluster.replaceAccessList(
        "\(cluster.principal("asker")) r budget/ requests=20", cluster.aliceMayEverything)
      let cache = try cluster.cache(of: "asker")
      let result: Result<Void, any Error>
      do {
        let bob = try cluster.client(cache: cache)
        try await cluster.eventually("the list is in force") {
          do { return try await bob.get(key) == [1] } catch KeyvalError.notPermitted { return false }
        }
        let owner = try #require(try await target.client.locate(key).owner?.principal.shortName)
        let node = try target.drone(owner)
        var kinds: [UInt64: Int] = [:]
        for _ in 0..<4 {
          let probe = try await Probe.dial(node, .fromCache(name: cache))
          probe.send((1...100).map { Request.get(UInt64($0), key) })
          var count = 0
          while count < 100 {
            try await probe.received().withUnsafeBytes { bytes in
              var reader = CBORReader(bytes)
              while !reader.isAtEnd {
                var item = CBORReader(try reader.skip())
                _ = try item.readArrayHeader()
                kinds[try item.readUnsigned(), default: 0] += 1
                count += 1
              }
            }
          }
          probe.close()
        }
        let served = kinds[DataAnswer.Kind.value, default: 0]
        #expect(kinds[DataAnswer.Kind.limited, default: 0] == 400 - served && served > 0, "\(kinds)")
        #expect(served < 200, "\(served) of 400 in a moment, at 20 a second")
        // The library waits for its turn, and alice notices nothing.
        let clock = ContinuousClock()
        let began = clock.now
        for _ in 0..<100 { #expect(try await target.client.get(key) == [1]) }
        #expect(clock.now - began < .seconds(5))
        #expect(try await bob.get(key) == [1])
        bob.close()
        result = .success(())
      } catch { result = .failure(error) }
      try cluster.replaceAccessList(cluster.aliceMayEverything)
      try result.get()
      try await target.isUnharmed()
    }
  }
}
