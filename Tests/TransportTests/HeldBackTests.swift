import NIOCore
import Sessions
import Testing

@testable import Transport

/// What all sessions hold is bounded without harm to those that read.
@Suite("Sessions that are held back", .timeLimit(.minutes(2)))
struct HeldBackTests {
  @Test("whoever leaves a little unread for too long is ended as well as whoever leaves much")
  func stuck() async throws {
    var limits = SessionLimits.unhurried
    (limits.writeTime, limits.unconfirmedTime) = (.milliseconds(500), .seconds(600))
    // Never unwritable: what waits stays below that.
    limits.unsentBytes = 64 << 20
    let service = try await TestService.start(limits: limits)
    let bystander = try await service.dial(as: "keyval-drone/d2")
    var patient = limits
    patient.writeTime = .seconds(600)
    let deaf = try await service.dial(limits: patient)
    deaf.session.execute { $0.pauseReading() }
    // More than the kernel takes.
    for number in 0..<64 { deaf.send([TestClient.message(number, length: 1 << 18)]) }
    #expect(try await service.journal.first(\.isClosed).error == .writeTimedOut)
    #expect(try await bystander.echoes([TestClient.message(1)]))
    await service.listener.close()
  }

  @Test("sessions that read late get all, though together they ask for more than may be held")
  func reading() async throws {
    let held = HeldBytes(limit: 8 << 20)
    let service = try await TestService.start(configure: { $0.held = held })
    var clients: [TestClient] = []
    for _ in 0..<3 { clients.append(try await service.dial()) }
    for client in clients {
      client.session.execute { $0.pauseReading() }
      // More than the kernel takes and a session may leave unsent.
      for number in 0..<64 { client.send([TestClient.message(number, length: 1 << 18)]) }
    }
    while !held.isTight { try await Task.sleep(for: .milliseconds(1)) }
    for client in clients { client.session.execute { $0.resumeReading() } }
    let expected = (0..<64).flatMap { TestClient.message($0, length: 1 << 18) }
    for client in clients {
      try await client.journal.received(bytes: expected.count)
      // Not within the expectation, which would look for the difference of megabytes.
      let isSame = client.received == expected
      #expect(isSame)
    }
    await service.listener.close()
  }

  @Test(
    "an accepted socket sends at once, and gives up who confirms nothing for the time that is set")
  func socket() async throws {
    var limits = SessionLimits.unhurried
    limits.unconfirmedTime = .seconds(7)
    let service = try await TestService.start(limits: limits)
    let client = try await service.dial()
    #expect(try await client.echoes([TestClient.message(1)]))
    let channel = try #require(service.listener.acceptedChannels.first)
    #expect(try await channel.getOption(.unconfirmedTime).get() == 7_000)
    #expect(try await channel.getOption(.tcpOption(.tcp_nodelay)).get() == 1)
    await service.listener.close()
  }
}
