import Measuring

/// Redis Cluster, as a usual client of it: connections of its own to the masters, the slots asked for again when it
/// is sent elsewhere or a connection is lost, and the command then tried again.
actor RedisStore: Store {
  private let topology: RedisTopology
  private let deadline: Duration
  private var connections: [RedisAddress: RedisConnection] = [:]

  /// Between two attempts, at most: as Keyval's client, it waits longer each time and a part of it at random.
  private static let pauses = (shortest: 10.0, longest: 500.0)

  init(topology: RedisTopology, deadline: Duration) {
    self.topology = topology
    self.deadline = deadline
  }

  func put(_ key: String, _ value: String) async throws {
    let reply = try await perform(key) { try await $0.send("SET", key, value) }
    guard reply == .simple("OK") else { throw BenchmarkError("SET is answered by \(reply)") }
  }

  func get(_ key: String) async throws -> String? {
    guard case .bulk(let value) = try await perform(key, { try await $0.send("GET", key) }) else {
      throw BenchmarkError("GET is answered by something else than a value")
    }
    return value
  }

  func close() {
    for connection in connections.values { connection.close() }
    connections = [:]
  }

  private func perform(_ key: String, _ ask: (RedisConnection) async throws -> RESP) async throws -> RESP {
    let end = ContinuousClock.now + deadline
    var problem = "no node has the slot"
    var failures = 0
    var redirection: RedisAddress?
    while ContinuousClock.now < end {
      let (owner, version) = await topology.owner(of: key)
      if let address = redirection ?? owner {
        redirection = nil
        do {
          switch try await ask(connection(to: address)) {
          case .error(let text):
            problem = text
            let words = text.split(separator: " ")
            if words.first == "MOVED", words.count == 3 {
              redirection = RedisAddress(words[2])
            } else if !["CLUSTERDOWN", "LOADING", "TRYAGAIN", "MASTERDOWN"].contains(words.first ?? "") {
              throw BenchmarkError(text)
            }
          case let reply: return reply
          }
        } catch let error as BenchmarkError where error.description == problem {
          throw error
        } catch {
          problem = "\(address): \(error)"
          connections.removeValue(forKey: address)?.close()
        }
      }
      failures += 1
      await topology.refresh(after: version)
      guard redirection == nil || failures > 1 else { continue }
      let pause = min(Self.pauses.shortest * Double(1 << min(failures - 1, 6)), Self.pauses.longest)
      try await Task.sleep(for: .milliseconds(pause * .random(in: 0.5...1)))
    }
    throw BenchmarkError("not served within \(deadline): \(problem)")
  }

  private func connection(to address: RedisAddress) async throws -> RedisConnection {
    if let connection = connections[address] { return connection }
    let connection = try await RedisConnection(to: address)
    connections[address] = connection
    return connection
  }
}
