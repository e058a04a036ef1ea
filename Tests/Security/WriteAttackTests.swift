import Cluster
import Keyval
import Testing
import Wire

extension SecurityTests {
  @Suite("Whose a write's outcome is")
  struct WriteAttackTests {
    private struct Answer: Hashable {
      let number: UInt64
      let kind: UInt64
      /// Of a failure.
      var code: UInt64?
    }

    /// The answers that come, in order of number.
    private func answers(_ probe: Probe, count: Int) async throws -> [Answer] {
      var answers: [Answer] = []
      while answers.count < count {
        try await probe.received().withUnsafeBytes { bytes in
          var reader = CBORReader(bytes)
          while !reader.isAtEnd {
            let answer = try DataAnswer(from: &reader)
            switch answer {
            case .done(let number, _): answers.append(Answer(number: number, kind: DataAnswer.Kind.done))
            case .failed(let number, let failure):
              answers.append(Answer(number: number, kind: DataAnswer.Kind.failed, code: failure.rawValue))
            case .outcomeUnknown(let number):
              answers.append(Answer(number: number, kind: DataAnswer.Kind.outcomeUnknown))
            default: answers.append(Answer(number: answer.number, kind: .max))
            }
          }
        }
      }
      return answers.sorted { $0.number < $1.number }
    }

    private func done(_ numbers: ClosedRange<UInt64>) -> [Answer] {
      numbers.map { Answer(number: $0, kind: DataAnswer.Kind.done) }
    }

    /// Keys of one drone, on both of its loops.
    private func keys(_ target: Target, _ count: Int) async throws -> (drone: String, keys: [[UInt8]]) {
      let map = try SlotMap.decode(await target.signedMap().body)
      let owned = (0..<200).map { Array("written-\($0)-\(UInt32.random(in: 0 ... .max))".utf8) }.filter {
        key in
        map.owner(of: key.withUnsafeBytes { Slot(key: $0).partition })?.principal.shortName == "d1"
      }
      return ("d1", Array(owned.prefix(count)))
    }

    private func random() -> ClientIncarnation {
      ClientIncarnation(high: .random(in: 1 ... .max), low: .random(in: 1 ... .max))
    }

    /// The cache of a principal that may write what alice may.
    private func mallory(_ target: Target, _ name: String) async throws -> String {
      let principal = target.cluster.principal(name)
      try target.cluster.replaceAccessList(target.cluster.aliceMayEverything, "\(principal) rwd")
      let cache = try target.cluster.cache(of: name)
      let client = try target.cluster.client(cache: cache)
      for drone in 0..<24 {
        try await target.cluster.eventually("\(name) may write") {
          do {
            try await client.put(Array("mallory-\(drone)".utf8), [1])
            return true
          } catch KeyvalError.notPermitted { return false }
        }
      }
      return cache
    }

    @Test("who knows another client's incarnation and uses up its numbers hinders none of its puts")
    func stolenIncarnation() async throws {
      let target = try await Target.shared
      let cache = try await mallory(target, "melvin")
      let (drone, keys) = try await keys(target, 8)
      let incarnation = random()
      let thief = try await Probe.dial(target.drone(drone), .fromCache(name: cache))
      thief.send(
        [Request.introduce(incarnation)]
          + keys.enumerated().flatMap { index, key in
            let number = UInt64(index) + 1
            return [
              Request.put(number, write: number, key, [0]),
              Request.put(100 + number, write: .max - number, key, [0]),
            ]
          })
      #expect(try await answers(thief, count: 2 * keys.count).allSatisfy { $0.kind == DataAnswer.Kind.done })
      let owner = try await Probe.dial(target.drone(drone), target.alice())
      owner.send(
        [Request.introduce(incarnation)]
          + keys.enumerated().map { index, key in
            Request.put(
              UInt64(index) + 1, write: UInt64(index) + 1, key, [1, UInt8(index)], retry: index > 3)
          })
      #expect(try await answers(owner, count: keys.count) == done(1...UInt64(keys.count)))
      for (index, key) in keys.enumerated() {
        #expect(try await target.client.get(key) == [1, UInt8(index)], "what was answered was executed")
      }
      try await target.isUnharmed()
    }

    @Test("thousands of writes under new incarnations make no other's retry unknown")
    func flood() async throws {
      let target = try await Target.shared
      let cache = try await mallory(target, "marvin")
      let (drone, keys) = try await keys(target, 1)
      let incarnation = random()
      let owner = try await Probe.dial(target.drone(drone), target.alice())
      let put = { Request.put($0, write: 1, keys[0], [7], retry: $1) }
      owner.send(Request.introduce(incarnation), put(1, false))
      #expect(try await answers(owner, count: 1) == done(1...1))
      for _ in 0..<3 {
        let thief = try await Probe.dial(target.drone(drone), .fromCache(name: cache))
        thief.send(
          [Request.introduce(random())] + (1...2_000).map { Request.put($0, write: $0, keys[0], [0]) })
        #expect(try await answers(thief, count: 2_000).allSatisfy { $0.kind == DataAnswer.Kind.done })
        thief.close()
      }
      owner.send(put(2, true))
      #expect(try await answers(owner, count: 1) == done(2...2))
      #expect(try await target.client.get(keys[0]) == [0], "it was not executed again")
      try await target.isUnharmed()
    }

    @Test("a number that is used for another write executes nothing and is never done")
    func reusedNumber() async throws {
      let target = try await Target.shared
      let (drone, keys) = try await keys(target, 2)
      let probe = try await Probe.dial(target.drone(drone), target.alice())
      probe.send(
        Request.put(1, write: 1, keys[0], [0]), Request.introduce(random()),
        Request.put(2, write: 1, keys[0], [1]))
      let notIntroduced = Answer(
        number: 1, kind: DataAnswer.Kind.failed, code: DataAnswer.Failure.notIntroduced.rawValue)
      #expect(try await answers(probe, count: 2) == [notIntroduced] + done(2...2))
      probe.send(
        Request.put(3, write: 1, keys[0], [2]), Request.put(4, write: 1, keys[0], [2], retry: true),
        Request.put(5, write: 1, keys[0], [1]))
      let reused = { (number: UInt64) in
        Answer(number: number, kind: DataAnswer.Kind.failed, code: DataAnswer.Failure.numberReused.rawValue)
      }
      #expect(try await answers(probe, count: 3) == [reused(3), reused(4)] + done(5...5))
      #expect(try await target.client.get(keys[0]) == [1])
      try await target.isUnharmed()
    }

    @Test("a second introduction ends the session, and nobody is told that anything behind it was done")
    func twoIntroductions() async throws {
      let target = try await Target.shared
      let (drone, keys) = try await keys(target, 8)
      // Connections of both loops.
      for _ in 0..<4 {
        let probe = try await Probe.dial(target.drone(drone), target.alice())
        let before = keys.prefix(4).enumerated().map {
          Request.put(UInt64($0), write: UInt64($0) + 1, $1, [1])
        }
        let behind = keys.suffix(4).enumerated().map {
          Request.put(10 + UInt64($0), write: UInt64($0) + 1, $1, [2])
        }
        probe.send([Request.introduce(random())] + before + [Request.introduce(random())] + behind)
        #expect(try await probe.closed() != nil)
        while probe.hasReceived {
          #expect(try await answers(probe, count: 1).allSatisfy { $0.number < 10 })
        }
        for key in keys.suffix(4) { #expect(try await target.client.get(key) == nil) }
      }
      try await target.isUnharmed()
    }
  }
}
