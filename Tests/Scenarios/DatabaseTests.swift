import ClusterFixture
import Keyval
import Testing

@Suite("A database that is away", .timeLimit(.minutes(5)))
struct DatabaseTests {
  @Test(
    "gets and secured puts go on, durable ones wait or fail in time, nothing is lost and no office ends",
    arguments: [false, true])
  func away(killed: Bool) async throws {
    try await ClusterFixture.run(drones: 3) { cluster in
      let client = try cluster.client()
      let hasty = try cluster.client(deadline: .seconds(1))
      let before = try await cluster.awaitServing(by: client)
      for number in 0..<100 { try await client.put("key \(number)", "\(number)") }
      for number in 0..<100 { #expect(try await hasty.getString("key \(number)") == "\(number)") }

      try await cluster.eventually("every slot is shadowed") {
        try await client.status().slotsShadowed == 16_384
      }

      if killed { try cluster.kill("db1") } else { try cluster.suspend("db1") }
      async let patient = client.put("patient", "yes", level: .durable)
      await #expect {
        try await hasty.put("hasty", "perhaps", level: .durable)
      } throws: { error in
        if case KeyvalError.deadlineExceeded(outcomeUnknown: true, _) = error { true } else { false }
      }
      // Longer than a commander would stay who alone has lost the database (5 s).
      let end = ContinuousClock.now + .seconds(6)
      var written = 0
      while ContinuousClock.now < end {
        for number in 0..<100 { #expect(try await hasty.getString("key \(number)") == "\(number)") }
        written += 1
        try await hasty.put("secured \(written)", "\(written)")
        try await Task.sleep(for: .milliseconds(100))
      }
      if killed { try cluster.restart("db1") } else { try cluster.resume("db1") }
      #expect(try await patient == false)
      #expect(try await client.getString("patient") == "yes")
      let hastily = try await client.getString("hasty")
      #expect(hastily == nil || hastily == "perhaps")
      for number in 1...written { #expect(try await client.getString("secured \(number)") == "\(number)") }
      try await client.put("after", "yes")
      let after = try await cluster.awaitServing(by: client)
      #expect(after.term == before.term && after.commander == before.commander)
      for number in 0..<100 { #expect(try await client.getString("key \(number)") == "\(number)") }
    }
  }
}
