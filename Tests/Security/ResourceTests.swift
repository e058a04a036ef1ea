import Cluster
import Foundation
import Keyval
import Testing
import Transport
import Wire

extension SecurityTests {
  @Suite("What a peer may cost")
  struct ResourceTests {
    /// Numbers and kinds of the answers in the records that have come.
    private func answers(_ probe: Probe, count: Int) async throws -> [(kind: UInt64, number: UInt64)] {
      var answers: [(UInt64, UInt64)] = []
      while answers.count < count {
        try await probe.received().withUnsafeBytes { bytes in
          var reader = CBORReader(bytes)
          while !reader.isAtEnd {
            var item = CBORReader(try reader.skip())
            _ = try item.readArrayHeader()
            answers.append((try item.readUnsigned(), try item.readUnsigned()))
          }
        }
      }
      return answers
    }

    @Test(
      "a record of short requests for long values gathers a few of them, not gigabytes; the rest is told to wait"
    )
    func amplification() async throws {
      let target = try await Target.shared
      let value = [UInt8](repeating: 7, count: 900_000)
      let map = try SlotMap.decode(await target.signedMap().body)
      // Keys of different loops, and connections of different loops: some are answered on the connection's own,
      // some on another.
      for number in 0..<4 {
        let key = Array("amplified-\(number / 2)".utf8)
        let owner = try #require(map.owner(of: key.withUnsafeBytes { Slot(key: $0).partition }))
        try await target.client.put(key, value)
        let probe = try await Probe.dial(target.drone(owner.principal.shortName), target.alice())
        probe.send((1...300).map { Request.get(UInt64($0), key) })
        let answers = try await answers(probe, count: 300)
        #expect(Set(answers.map(\.number)) == Set(1...300), "each is answered")
        let values = answers.filter { $0.kind == DataAnswer.Kind.value }.count
        #expect((1...8).contains(values), "\(values) values")
        #expect(answers.count { $0.kind == DataAnswer.Kind.unavailable } == 300 - values)
        // The same session is served on.
        probe.send(Request.get(301, key))
        #expect(try await self.answers(probe, count: 1).first?.kind == DataAnswer.Kind.value)
        probe.close()
      }
      // Questions about the cluster are few at a time too.
      let status = try await target.status()
      let probe = try await Probe.dial(target.drone(status.commander.shortName), target.alice())
      probe.send((1...10_000).map { Request.status(UInt64($0)) })
      let told = try await self.answers(probe, count: 10_000)
      #expect(Set(told.map(\.number)).count == 10_000)
      #expect(told.contains { $0.kind == DataAnswer.Kind.unavailable })
      #expect(told.contains { $0.kind == DataAnswer.Kind.status })
      try await target.isUnharmed()
    }

    @Test("a sequence number that a drone could not count on from is malformed")
    func sequence() throws {
      let partition = try #require(Partition(1))
      func answer(_ sequence: UInt64) -> [UInt8] {
        StoreAnswer.opened(number: 1, partition: partition, sequence: sequence, past: PastWrites())
          .encoded()
      }
      _ = try StoreAnswer.decode(answer(UInt64(Int64.max)))
      #expect(throws: CBORError.self) { try StoreAnswer.decode(answer(UInt64(Int64.max) + 1)) }
      #expect(throws: CBORError.self) { try StoreAnswer.decode(answer(.max)) }
    }

    @Test("garbage, and connections that say nothing or half of it, keep no node from serving")
    func garbage() async throws {
      let target = try await Target.shared
      var taps: [Wiretap] = []
      let seed = UInt64.random(in: 0 ... .max)
      var generator = Generator(state: seed)
      for node in try target.nodes {
        // An honest first frame, to be cut short and altered.
        let recorder = try await Relay.start(to: node.address)
        let credential =
          node.name == "d1" ? try target.alice() : try target.principal("keyval-drone/half-\(node)")
        let honest = try await Probe.dial(node.principal, at: recorder.address, credential)
        let first = recorder.bytes(.toAcceptor)
        honest.close()
        recorder.close()
        for number in 0..<60 {
          let tap = try await Wiretap.open(node.address)
          switch number % 5 {
          case 0: break
          case 1: tap.send([UInt8](repeating: 0, count: 3))
          case 2: tap.send(Array(first.prefix(Int.random(in: 5..<first.count, using: &generator))))
          case 3:
            var bytes = Array(first)
            for _ in 0..<8 {
              bytes[Int.random(in: 4..<bytes.count, using: &generator)] = .random(
                in: 0...255, using: &generator)
            }
            tap.send(bytes)
          default:
            let length = Int.random(in: 1...4096, using: &generator)
            tap.send((0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) })
          }
          taps.append(tap)
        }
      }
      // While they hang.
      try await target.isUnharmed()
      // Nodes wait for nobody for ever: each connection is ended by them.
      for tap in taps { _ = try await tap.all() }
      try await target.isUnharmed()
    }
  }
}

/// SplitMix64.
private struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
