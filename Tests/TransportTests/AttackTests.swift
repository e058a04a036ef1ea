import NIOCore
import Sessions
import Testing
import Transport

@Suite("Attacks on sessions", .timeLimit(.minutes(2)))
struct AttackTests {
  /// One record (the third frame to the acceptor) is treated so; the session must end, with that error at the
  /// acceptor, while another goes on.
  private func attack(
    _ treat: @escaping @Sendable ([UInt8]) -> [UInt8], expect expected: (SessionError?) -> Bool
  ) async throws {
    let service = try await TestService.start()
    let bystander = try await service.dial(as: "keyval-drone/d2")
    #expect(try await bystander.echoes([TestClient.message(1)]))
    let proxy = try await TamperingProxy.start(to: service.address) { direction, number, bytes in
      direction == .toAcceptor && number == 2 ? treat(bytes) : bytes
    }
    let victim = try await service.dial(at: proxy.address)
    victim.send([TestClient.message(5)])
    victim.send([TestClient.message(6)])
    let closed = try await service.journal.first(\.isClosed)
    #expect(expected(closed.error), "\(String(describing: closed.error))")
    try await victim.journal.first(\.isClosed)
    #expect(try await bystander.echoes([TestClient.message(2)]))
    #expect(try await service.dial().echoes([TestClient.message(3)]))
    await service.listener.close()
  }

  @Test("an altered record ends its session only")
  func altered() async throws {
    try await attack(
      { bytes in
        var bytes = bytes
        bytes[bytes.count / 2] ^= 1
        return bytes
      }, expect: { $0 == .recordDidNotOpen })
  }

  @Test("a truncated record ends its session only")
  func truncated() async throws {
    // The following record fills the gap, and the two do not open as one.
    try await attack({ Array($0.dropLast(3)) }, expect: { $0 == .recordDidNotOpen })
  }

  @Test("a record left out ends its session only")
  func leftOut() async throws {
    try await attack({ _ in [] }, expect: { $0 == .recordDidNotOpen })
  }

  @Test("a repeated record ends its session only")
  func repeated() async throws {
    try await attack({ $0 + $0 }, expect: { $0 == .recordDidNotOpen })
  }

  @Test("an oversized record ends its session only, at its length")
  func oversized() async throws {
    try await attack(
      { bytes in [0, 0x10, 0, 1] + bytes.dropFirst(4) },
      expect: { $0 == .recordLengthRefused((1 << 20) + 1) })
  }

  @Test("reordered records end their session only")
  func reordered() async throws {
    let service = try await TestService.start()
    let bystander = try await service.dial(as: "keyval-drone/d2")
    let held = HeldFrame()
    let proxy = try await TamperingProxy.start(to: service.address) { direction, number, bytes in
      guard direction == .toAcceptor else { return bytes }
      if number == 2 {
        held.put(bytes)
        return []
      }
      return number == 3 ? bytes + held.take() : bytes
    }
    let victim = try await service.dial(at: proxy.address)
    victim.send([TestClient.message(5)])
    victim.send([TestClient.message(6)])
    #expect(try await service.journal.first(\.isClosed).error == .recordDidNotOpen)
    #expect(!service.journal.events.contains { if case .received = $0 { true } else { false } })
    #expect(try await bystander.echoes([TestClient.message(2)]))
    await service.listener.close()
  }

  @Test("a replayed handshake is refused by its ticket")
  func replayedHandshake() async throws {
    let threads = SecurityContextThreads(accepting: 1, initiating: 1)
    let service = try await TestService.start(configure: { $0.threads = threads })
    let proxy = try await TamperingProxy.start(to: service.address)
    let client = try await service.dial(at: proxy.address)
    #expect(try await client.echoes([TestClient.message(1)]))
    let recorded = proxy.frames(.toAcceptor)

    let replay = try await RawConnection.open(service.address)
    replay.send(recorded.flatMap { $0 })
    try await replay.journal.first(\.isClosed)
    let text = String(decoding: replay.received, as: UTF8.self)
    // [5, code 5 (ticket refused), sentence, …] behind the length.
    #expect(replay.received.dropFirst(4).prefix(3) == [0x84, 0x05, 0x05])
    #expect(text.contains("seen before"))
    // What is known to be one by now is refused in the same words, and by no thread.
    await threads.shutDown()
    let another = try await RawConnection.open(service.address)
    another.send(recorded.flatMap { $0 })
    try await another.journal.first(\.isClosed)
    #expect(another.received == replay.received)
    #expect(service.journal.events.filter { if case .opened = $0 { true } else { false } }.count == 1)
    #expect(try await client.echoes([TestClient.message(2)]))
    await service.listener.close()
  }

  @Test("an altered handshake opens no session at either side", arguments: [0, 1, 2])
  func alteredHandshake(flight: Int) async throws {
    let service = try await TestService.start()
    let proxy = try await TamperingProxy.start(to: service.address) { direction, number, bytes in
      let isTarget =
        flight == 1
        ? direction == .toInitiator && number == 0
        : direction == .toAcceptor && number == flight / 2
      guard isTarget else { return bytes }
      var bytes = bytes
      bytes[bytes.count - 5] ^= 1
      return bytes
    }
    if flight == 2 {
      // The initiator has finished by then; its session dies.
      let client = try await service.dial(at: proxy.address)
      try await client.journal.first(\.isClosed)
    } else {
      await #expect(throws: TransportError.self) { try await service.dial(at: proxy.address) }
    }
    #expect(!service.journal.events.contains { if case .opened = $0 { true } else { false } })
    #expect(try await service.dial().echoes([TestClient.message(3)]))
    await service.listener.close()
  }
}

/// One frame on its way from one place to another.
private final class HeldFrame: Sendable {
  private let journal = Journal<[UInt8]>()
  func put(_ bytes: [UInt8]) { journal.append(bytes) }
  func take() -> [UInt8] { journal.events.last ?? [] }
}
