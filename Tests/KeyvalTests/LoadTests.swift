import Cluster
import KerberosFixture
import Load
import Testing

/// The load of `keyval bench` over real sessions, with tickets of a real KDC.
@Suite("Load") struct LoadTests {
  private static let realm = Result { () throws -> (KerberosFixture, String) in
    let fixture = try KerberosFixture()
    try fixture.addUser("alice")
    return (fixture, try fixture.cache(of: "alice"))
  }

  private func with(
    drones: Int = 2, connections: Int = 4, _ body: (FakeCluster, LoadGenerator) async throws -> Void
  ) async throws {
    let (fixture, cache) = try Self.realm.get()
    let cluster = try await FakeCluster(fixture: fixture, drones: drones)
    let generator = try await LoadGenerator(
      configuration: cluster.configuration(cache: cache), connections: connections, loops: 2)
    let result: Result<Void, any Error>
    do { result = .success(try await body(cluster, generator)) } catch { result = .failure(error) }
    await generator.close()
    await cluster.stop()
    try result.get()
  }

  private static func plan(_ mix: String = "get", _ extent: LoadPlan.Extent = .requests(2_000)) throws
    -> LoadPlan
  {
    LoadPlan(
      mix: try OperationMix(mix), keys: try KeyNames(length: 16, count: 500), depth: 4, extent: extent)
  }

  @Test("every key is put once by a load, and found by as many gets as were asked for")
  func loads() async throws {
    try await with { cluster, generator async throws in
      try await generator.open()
      let loaded = try await generator.load(try Self.plan())
      #expect(loaded.answered == 500 && cluster.state.withLock { $0.values.count } == 500)
      let outcome = try await generator.run(try Self.plan())
      #expect(outcome.gets.count == 2_000 && outcome.misses == 0 && outcome.failures == 0)
      let mixed = try await generator.run(try Self.plan("get:put=1:1"))
      #expect(mixed.answered == 2_000 && mixed.puts.count > 800 && mixed.failures == 0)
    }
  }

  @Test("what a drone is too busy for is asked again until it is done")
  func busy() async throws {
    try await with { cluster, generator async throws in
      try await generator.open()
      cluster.set(.busy(300), of: 1)
      let loaded = try await generator.load(try Self.plan())
      #expect(loaded.answered == 500 && loaded.retries > 0 && loaded.failures == 0)
    }
  }

  @Test("when slots move the load goes with them, and counts what it had asked in vain")
  func moves() async throws {
    try await with { cluster, generator async throws in
      try await generator.open()
      _ = try await generator.load(try Self.plan())
      cluster.assign { _ in 0 }
      let outcome = try await generator.run(try Self.plan("get", .requests(20_000)))
      #expect(outcome.moved > 0 && outcome.misses == 0)
      #expect(outcome.answered + outcome.moved == 20_000)
      let later = try await generator.run(try Self.plan())
      #expect(later.answered == 2_000 && later.failures == 0)
    }
  }

  @Test("when a drone is gone its keys are asked of whoever serves them then")
  func gone() async throws {
    try await with { cluster, generator async throws in
      try await generator.open()
      _ = try await generator.load(try Self.plan())
      await cluster.stop(1)
      cluster.assign { _ in 0 }
      let outcome = try await generator.run(try Self.plan())
      #expect(outcome.misses == 0 && outcome.answered + outcome.failures == 2_000)
      let later = try await generator.run(try Self.plan())
      #expect(later.answered == 2_000 && later.failures == 0)
    }
  }

  @Test("writes whose session ends without an answer are lost, and the load goes on over another")
  func lost() async throws {
    try await with { cluster, generator async throws in
      try await generator.open()
      cluster.set(.dropsAfterWrite, of: 0)
      let outcome = try await generator.run(try Self.plan("put"))
      #expect((1...4).contains(outcome.lost) && outcome.answered + outcome.lost == 2_000)
    }
  }

  @Test("with fewer connections than drones, some keys would be asked of nobody: that is refused")
  func tooFew() async throws {
    try await with(drones: 3, connections: 2) { _, generator async throws in
      await #expect(throws: LoadError.self) { try await generator.open() }
    }
  }
}
