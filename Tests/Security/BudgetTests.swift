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

    @Test("who has put as many keys as his line lets him is refused, whatever drone has them; others are not")
    func quota() async throws {
      let target = try await Target.shared
      let cluster = target.cluster
      try cluster.replaceAccessList(
        "\(cluster.principal("hoarder")) rwd quota/ keys=100 bytes=100000", cluster.aliceMayEverything)
      let result: Result<Void, any Error>
      do {
        let hoarder = try cluster.client(cache: try cluster.cache(of: "hoarder"))
        try await cluster.eventually("the list is in force") {
          do { return try await hoarder.get(Array("quota/0".utf8)) == nil } catch KeyvalError.notPermitted {
            return false
          }
        }
        let value = [UInt8](repeating: 1, count: 100)
        var taken: [[UInt8]] = []
        for number in 0..<1_000 {
          let key = Array("quota/\(number)".utf8)
          do {
            try await hoarder.put(key, value)
            taken.append(key)
          } catch KeyvalError.quotaReached {}
        }
        #expect((100...250).contains(taken.count), "\(taken.count) of 1,000")
        // What there is may be changed, and what was deleted leaves room.
        let first = try #require(taken.first)
        try await hoarder.put(first, [2])
        for key in taken { #expect(try await hoarder.delete(key) == true) }
        for key in taken { try await hoarder.put(key, value) }
        // Alice's line has no quota.
        let extra = Array("quota/more".utf8)
        try await target.client.put(extra, value)
        #expect(try await target.client.delete(extra) == true)
        for key in taken { try await target.client.delete(key) }
        hoarder.close()
        result = .success(())
      } catch { result = .failure(error) }
      try cluster.replaceAccessList(cluster.aliceMayEverything)
      try result.get()
      try await target.isUnharmed()
    }
  }
}
