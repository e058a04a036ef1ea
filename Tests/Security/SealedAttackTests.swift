import Cluster
import Keyval
import Testing
import Wire

@testable import Sessions
@testable import Transport

extension SecurityTests {
  @Suite("Behind the seal, and at it")
  struct SealedAttackTests {
    private func put(_ key: String) -> [UInt8] {
      Request.introduce(ClientIncarnation(high: .random(in: 1 ... .max), low: .random(in: 1 ... .max)))
        + Request.put(1, write: 1, Array(key.utf8), [1])
    }

    /// Opens sessions of one person, one after the other, and does something with a record that would put a key. None of
    /// them is answered, and the key is not there.
    private func attack(
      _ key: String, _ target: Target, _ node: Target.Node, every step: Int,
      _ treat: (Wiretap, [UInt8], Int) -> Void
    ) async throws {
      let credential = try target.alice()
      let length = 4 + 1 + put(key).count + 16
      for offset in stride(from: 0, to: length, by: step) {
        let (tap, session, _) = try await ByHand.open(node, credential)
        let record = try session.seal(put(key))
        let before = tap.soFar
        treat(tap, record, offset)
        #expect(try await tap.all() == before, "byte \(offset): no answer, and the node has closed")
      }
      #expect(try await target.client.get(Array(key.utf8)) == nil)
    }

    /// A drone, and a key that it owns.
    private func owned(_ target: Target, _ name: String) async throws -> (Target.Node, String) {
      let map = try SlotMap.decode(await target.signedMap().body)
      for number in 0..<200 {
        let key = "\(name)-\(number)"
        let owner = map.owner(of: Array(key.utf8).withUnsafeBytes { Slot(key: $0).partition })
        if owner?.principal.shortName == "d1" { return (try target.drone("d1"), key) }
      }
      throw Probe.NothingCame(awaited: "a key of d1")
    }

    @Test("a put with a bit flipped at any offset of its record is not executed, and ends its session only")
    func flipped() async throws {
      let target = try await Target.shared
      let (node, key) = try await owned(target, "flipped")
      let bystander = try await Probe.dial(node, target.alice())
      try await attack(key, target, node, every: 1) { tap, record, offset in
        var altered = record
        altered[offset] ^= 1 << UInt8(offset % 8)
        // A greater length waits for more: it is given all that it can ask for.
        tap.send(offset < 4 ? altered + [UInt8](repeating: 0, count: 1 << 18) : altered)
      }
      try await target.recordedEnd(node, of: target.cluster.principal("alice"), .recordDidNotOpen)
      bystander.send(Request.topology(1))
      #expect(try await !bystander.received().isEmpty)
      bystander.close()
      // As it is, the very same is executed.
      let (tap, session, _) = try await ByHand.open(node, target.alice())
      tap.send(try session.seal(put(key)))
      _ = try session.open(try await tap.frame())
      #expect(try await target.client.get(Array(key.utf8)) == [1])
      try await target.isUnharmed()
    }

    @Test("a put whose record is cut off at any byte, with its connection, is not executed")
    func cut() async throws {
      let target = try await Target.shared
      let (node, key) = try await owned(target, "cut")
      try await attack(key, target, node, every: 3) {
        tap, record, offset in
        tap.send(Array(record.prefix(offset)))
        tap.close()
      }
      try await target.isUnharmed()
    }

    @Test("a client that changes its key again and again is cut off at once, and costs no other anything")
    func keyUpdateStorm() async throws {
      let target = try await Target.shared
      let thief = try target.thief(of: target.drone("d3"))
      // Somebody of whom the records are not full yet: of one principal only so many are taken at once.
      let user = try target.user("stella")
      for (node, credential) in [
        (try target.drone("d1"), user), (try target.authority, try target.alice()),
        (try target.database, thief), (try target.drone("d2"), thief),
      ] {
        var limits = RecordLimits()
        limits.recordsPerKey = 2
        let (tap, session, _) = try await ByHand.open(node, credential, records: limits)
        // Each record is followed by a change of keys. (A notice, which every node takes.)
        let notice = [UInt8](repeating: 0x7f, count: 8)
        for _ in 0..<100 { tap.send(try session.sealer.seal(.expiryNotice, notice)) }
        _ = try await tap.all()
        try await target.recordedEnd(node, of: session.identity.local, .keyUpdateTooSoon)
      }
      try await target.isUnharmed()
    }

    /// Messages that say what is not so of their own shape.
    static let lies: [(what: String, bytes: [UInt8])] = {
      let most = [UInt8](repeating: 0xff, count: 8)
      let deep = [UInt8](repeating: 0x81, count: 500_000)
      return [
        ("an array of 2^64 - 1 items", [0x9b] + most),
        ("an array of 2^32 - 1 items", [0x9a, 0xff, 0xff, 0xff, 0xff]),
        ("a map of 2^64 - 1 pairs", [0xbb] + most),
        ("a byte string of 2^64 - 1", [0x5b] + most),
        ("a text of 2^63", [0x7b, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("half a million levels", deep),
        ("half a million levels of maps", [UInt8](repeating: 0xa1, count: 500_000)),
        ("half a million tags", [UInt8](repeating: 0xc0, count: 500_000)),
        ("without an end", [0x9f, 0x01]),
        ("a kind of 2^64 - 1", [0x82, 0x1b] + most + [0x01]),
        ("a kind that is an array of arrays", [0x83] + deep.prefix(1_000) + [0x00]),
        ("a get whose key ends behind the record", [0x83, 0x00, 0x01, 0x5a, 0x00, 0x0f, 0xff, 0xff]),
        ("a get whose key has 2^64 - 1 bytes", [0x83, 0x00, 0x01, 0x5b] + most),
        ("a get whose number is 65,536 arrays", [0x83, 0x00] + deep.prefix(65_536)),
        ("nothing but a break", [0xff]),
        ("a float for a kind", [0x82, 0xfb] + most + [0x01]),
        ("a number written long", [0x82, 0x18, 0x01, 0x01]),
      ]
    }()

    @Test("lying lengths, deep nesting and huge counts end their session at once, at every kind of node")
    func lies() async throws {
      let target = try await Target.shared
      let thief = try target.thief(of: target.drone("d3"))
      let alice = try target.alice()
      let places = [
        (try target.drone("d1"), alice), (try target.drone("d2"), thief), (try target.database, thief),
        (try target.authority, alice),
      ]
      for (node, credential) in places {
        let before = try target.cluster.residentBytes(of: node.name)
        for lie in Self.lies {
          let probe = try await Probe.dial(node, credential)
          probe.send(lie.bytes)
          let end = try await probe.closed()
          let isRefused = end == .closedByPeer(.protocolError) || end == .closedByPeer(.unknownMessage)
          #expect(isRefused, "\(lie.what) at \(node): \(String(describing: end))")
          // A commander speaks to a drone of its own accord.
          if credential === alice { #expect(!probe.hasReceived, "\(lie.what) at \(node)") }
        }
        let grown = try target.cluster.residentBytes(of: node.name) - before
        #expect(grown < 64 << 20, "\(node) has grown by \(grown >> 20) MiB")
      }
      try await target.isUnharmed()
    }
  }
}
