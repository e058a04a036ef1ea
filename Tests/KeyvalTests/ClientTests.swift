import Cluster
import Cryptography
import FoundationEssentials
import Kerberos
import KerberosFixture
import Keyval
import Testing
import Wire

/// The client over real sessions, with tickets of a real KDC. (The drones are the tests' own.)
@Suite("Client") struct ClientTests {
  private static let realm = Result { () throws -> (KerberosFixture, String) in
    let fixture = try KerberosFixture()
    try fixture.addUser("alice")
    return (fixture, try fixture.cache(of: "alice"))
  }

  /// Runs `body` with a cluster and a client of it, and takes both down.
  private func with(
    drones: Int = 3, deadline: Duration = .seconds(20), suspicion: Duration = .milliseconds(750),
    _ body: (FakeCluster, KeyvalClient) async throws -> Void
  ) async throws {
    let (fixture, cache) = try Self.realm.get()
    let cluster = try await FakeCluster(fixture: fixture, drones: drones)
    var configuration = cluster.configuration(cache: cache)
    configuration.deadline = deadline
    configuration.suspicion = suspicion
    let client = try KeyvalClient(configuration: configuration)
    do {
      try await body(cluster, client)
    } catch {
      client.close()
      await cluster.stop()
      throw error
    }
    client.close()
    await cluster.stop()
  }

  @Test("what was put is got byte for byte, and gone when deleted")
  func bytes() async throws {
    try await with { _, client async throws in
      let pairs: [([UInt8], [UInt8])] = [
        ([UInt8]("greeting".utf8), [UInt8]("hello".utf8)), ([0], []),
        ([UInt8](repeating: 0xff, count: Limits.maximumKeyLength), Array(0...255)),
        ([UInt8]("ключ {слот}".utf8), [UInt8]("значение 🗝".utf8)),
        ([1, 2, 3], [UInt8](repeating: 7, count: Limits.maximumValueLength)),
      ]
      for (key, value) in pairs {
        #expect(try await client.get(key) == nil)
        #expect(try await client.put(key, value) == false)
        #expect(try await client.get(key) == value)
        #expect(try await client.put(key, value) == true)
        #expect(try await client.delete(key) == true)
        #expect(try await client.delete(key) == false)
        #expect(try await client.get(key) == nil)
      }
    }
  }

  @Test("a value is put only where the expected one is")
  func compare() async throws {
    try await with { _, client async throws in
      let key: [UInt8] = [1]
      #expect(try await client.compareAndPut(key, expected: [7], [8]) == false)
      #expect(try await client.get(key) == nil)
      #expect(try await client.compareAndPut(key, expected: nil, [1]) == true)
      #expect(try await client.compareAndPut(key, expected: nil, [2]) == false)
      #expect(try await client.compareAndPut(key, expected: [1], [2]) == true)
      #expect(try await client.get(key) == [2])
      let half = [UInt8](repeating: 0, count: Limits.maximumValueLength / 2 + 1)
      await #expect(throws: KeyvalError.self) { try await client.compareAndPut(key, expected: half, half) }
    }
  }

  @Test("the example of the documentation does what it says")
  func example() async throws {
    try await with { cluster, client async throws in
      let (fixture, cache) = try Self.realm.get()
      let seed = cluster.configuration(cache: cache).seeds[1]
      let path = "\(fixture.directory)/example-client.json"
      try """
      {"cluster": "\(cluster.name)", "realm": "\(fixture.realmName)", "credentialCache": "\(cache)",
       "anchors": "\(fixture.realm.layout.anchors)",
       "seeds": [{"principal": "\(seed.principal)", "address": "\(seed.endpoint)"}]}
      """.write(toFile: path, atomically: true, encoding: .utf8)
      #expect(try await greet(configuredAt: path) == "hello")
      #expect(try await client.get("greeting") == nil)
    }
  }

  @Test("keys and values beyond the limits are refused before anything is sent")
  func limits() async throws {
    try await with(drones: 1) { cluster, client async throws in
      await #expect(throws: KeyvalError.keyEmpty) { try await client.get([]) }
      await #expect(throws: KeyvalError.keyTooLong(length: 1025, limit: 1024)) {
        try await client.put([UInt8](repeating: 1, count: 1025), [])
      }
      let length = Limits.maximumValueLength + 1
      await #expect(throws: KeyvalError.valueTooLong(length: length, limit: length - 1)) {
        try await client.put([1], [UInt8](repeating: 1, count: length))
      }
      #expect(cluster.state.withLock { $0.records } == 0)
    }
  }

  @Test("requests of many callers share records")
  func gathering() async throws {
    try await with(drones: 1) { cluster, client async throws in
      _ = try await client.get("warm")
      let before = cluster.state.withLock { $0.records }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<2_000 {
          group.addTask { try await client.put("key\(number)", "value\(number)") }
        }
        try await group.waitForAll()
      }
      let records = cluster.state.withLock { $0.records } - before
      #expect(cluster.state.withLock { $0.executed } == 2_000)
      #expect(records < 1_000, "\(records) records for 2000 requests")
      for number in stride(from: 0, to: 2_000, by: 97) {
        #expect(try await client.getString("key\(number)") == "value\(number)")
      }
    }
  }

  @Test("when partitions move, requests follow the new map")
  func moved() async throws {
    try await with { cluster, client async throws in
      for index in 0..<3 { try await client.put(cluster.key(of: index), [UInt8(index)]) }
      cluster.assign { ($0.index + 1) % 3 }
      for index in 0..<3 { #expect(try await client.get(cluster.key(of: index)) == [UInt8(index)]) }
      let location = try await client.locate(cluster.key(of: 0))
      #expect(location.owner?.principal == cluster.principals[1])
      #expect(location.slot == Slot(key: cluster.key(of: 0)))
    }
  }

  @Test("a write whose answer was lost with its session is not executed twice")
  func lostAnswer() async throws {
    try await with { cluster, client async throws in
      let key = cluster.key(of: 1)
      try await client.put(key, [1])
      cluster.set(.dropsAfterWrite, of: 1)
      #expect(try await client.delete(key) == true, "the outcome of the first attempt")
      #expect(cluster.state.withLock { [$0.executed, $0.retries] } == [2, 1])
    }
  }

  @Test("a busy drone is asked again")
  func busy() async throws {
    try await with { cluster, client async throws in
      cluster.set(.busy(5), of: 0)
      try await client.put(cluster.key(of: 0), [1])
      #expect(cluster.state.withLock { [$0.executed, $0.retries] } == [1, 0])
    }
  }

  @Test("a drone that restarts at another address is found again")
  func restart() async throws {
    try await with { cluster, client async throws in
      let key = cluster.key(of: 2)
      try await client.put(key, [1])
      await cluster.stop(2)
      async let value = client.get(key)
      try await cluster.start(2)
      #expect(try await value == [1])
    }
  }

  @Test("a silent drone's requests go on where a new map puts them")
  func silence() async throws {
    try await with(suspicion: .milliseconds(100)) { cluster, client async throws in
      let key = cluster.key(of: 1)
      try await client.put(key, [1])
      cluster.set(.silent, of: 1)
      async let value = client.get(key)
      async let write = client.put(key, [2])
      cluster.assign { $0.index % 3 == 1 ? 2 : $0.index % 3 }
      #expect(try await value != nil)
      #expect(try await write == true)
      #expect(try await client.get(key) == [2])
    }
  }

  @Test("a deadline is kept, and says that the outcome of a write is unknown")
  func deadline() async throws {
    try await with(drones: 1, deadline: .milliseconds(300)) { cluster, client async throws in
      // The first session may take longer than that on a busy machine.
      while (try? await client.put([1], [1])) == nil {}
      cluster.set(.silent, of: 0)
      // On a busy machine the deadline may come after the drone's silence was noticed: then the error names it.
      await #expect {
        try await client.put([1], [2])
      } throws: { error in
        if case KeyvalError.deadlineExceeded(outcomeUnknown: true, _) = error { true } else { false }
      }
      await #expect {
        try await client.get([1])
      } throws: { error in
        if case KeyvalError.deadlineExceeded(outcomeUnknown: false, _) = error { true } else { false }
      }
    }
  }

  @Test("a cancelled task gets its error at once, also when it was cancelled before")
  func cancellation() async throws {
    try await with(drones: 1) { cluster, client async throws in
      try await client.put([1], [1])
      cluster.set(.silent, of: 0)
      let task = Task { try await client.get([1]) }
      while cluster.state.withLock({ $0.requests }) < 4 { await Task.yield() }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      let early = Task {
        while !Task.isCancelled { await Task.yield() }
        return try await client.get([1])
      }
      early.cancel()
      await #expect(throws: CancellationError.self) { try await early.value }
    }
  }

  @Test("closing ends what is under way")
  func closing() async throws {
    try await with(drones: 1) { cluster, client async throws in
      try await client.put([1], [1])
      cluster.set(.silent, of: 0)
      let requests = cluster.state.withLock { $0.requests }
      let task = Task { try await client.get([1]) }
      while cluster.state.withLock({ $0.requests }) == requests { await Task.yield() }
      client.close()
      await #expect(throws: KeyvalError.closed) { try await task.value }
      await #expect(throws: KeyvalError.closed) { try await client.get([1]) }
    }
  }

  @Test("the commander tells the status; another drone does not")
  func status() async throws {
    try await with { cluster, client async throws in
      let status = try await client.status()
      #expect(status.commander == cluster.principals[0] && status.slotsServed == 16_384)
    }
  }

  @Test("a node says hello to somebody without a ticket")
  func hello() async throws {
    try await with(drones: 1) { cluster, client async throws in
      let endpoint = cluster.state.withLock { $0.endpoints[0] }
      let hello = try await KeyvalClient.hello(endpoint)
      #expect(hello.realm == cluster.fixture.realmName && hello.principals == [cluster.principals[0].text])
      #expect(try await client.hello(endpoint) == hello)
      await #expect(throws: KeyvalError.self) {
        try await KeyvalClient.hello(Endpoint(host: "127.0.0.1", port: 1))
      }
    }
  }
}
