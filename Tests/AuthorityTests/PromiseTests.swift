import Cluster
import Testing

@testable import Authority

@Suite("Drones that have promised a higher term") struct PromiseTests {
  private let d1 = World.drone(1)
  private let d2 = World.drone(2)

  private func register(_ world: World, _ peer: Principal, promised: UInt64) {
    let register = Register(
      incarnation: Incarnation(1), endpoint: Endpoint(host: "127.0.0.1", port: 1),
      membership: world.register.membership.version, promised: Term(promised))
    world.feed(.connected(peer))
    world.feed(.received(.register(register), from: peer))
  }

  /// The terms by which the commander was told to go.
  private func dismissals(_ world: World) -> [Term] {
    world.sent(to: d1).compactMap { message in
      if case .refused(let refusal) = message, refusal.term > world.register.office.term {
        refusal.term
      } else {
        nil
      }
    }
  }

  /// The office of drone 1 is heard, and drone 2 says again and again what it has promised.
  private func pass(_ world: World, seconds: Int, promised: UInt64, isHeard: Bool = true) {
    for _ in 0..<seconds * 2 {
      if isHeard { world.heartbeat(term: 1, from: d1) }
      world.pass(250)
      if isHeard { world.heartbeat(term: 1, from: d1) }
      register(world, d2, promised: promised)
      world.pass(250)
    }
  }

  @Test("there is another election for the sake of one that stays outside, whatever number it names")
  func outside() {
    for promised in [UInt64(2), .max] {
      let world = World()
      world.elect(1, term: 1)
      pass(world, seconds: 4, promised: promised)
      #expect(dismissals(world).isEmpty, "it may be about to follow")
      pass(world, seconds: 3, promised: promised)
      #expect(dismissals(world) == [Term(2)])
    }
  }

  @Test("the next office is above the promise, if that is a number that elections may have come to")
  func floor() throws {
    for (promised, highest) in [(UInt64(9), UInt64(9)), (.max, 1)] {
      let world = World()
      world.elect(1, term: 1)
      pass(world, seconds: 7, promised: promised)
      world.pass(2_000)
      world.request(2, by: d2)
      #expect(world.failures(of: d2).map(\.highest).contains(Term(9)) == (highest == 9))
      #expect(world.hasOpenedBallot(2) == (highest == 1))
      world.request(highest + 1, by: d2)
      #expect(world.hasOpenedBallot(highest + 1))
    }
  }

  @Test("one that has promised no more than the office's term is followed by nothing")
  func inside() {
    let world = World()
    world.elect(1, term: 1)
    pass(world, seconds: 20, promised: 1)
    #expect(dismissals(world).isEmpty)
  }

  @Test("where no commander is heard an election is under way anyway")
  func noCommander() {
    let world = World()
    world.elect(1, term: 1)
    world.pass(2_000)
    pass(world, seconds: 20, promised: 5, isHeard: false)
    #expect(dismissals(world).isEmpty)
  }

  @Test("who says so again and again is believed ever less often")
  func wolf() {
    let timing = Timing()
    var watch = PromiseWatch()
    var times: [Int64] = []
    for second in Int64(0)..<7_200 {
      if watch.isOutside(d2, Instant(milliseconds: second * 1_000), timing) { times.append(second) }
    }
    #expect(times.count < 11, "of 1,200 that would be possible: \(times)")
    let pauses = zip(times.dropFirst(), times).map { $0 - $1 }
    #expect(zip(pauses.dropFirst(2), pauses.dropFirst()).allSatisfy { $0 > $1 })
  }

  @Test("one that follows again, even for a moment, begins anew")
  func follows() {
    let timing = Timing()
    var watch = PromiseWatch()
    let first = watch.isOutside(d2, Instant(milliseconds: 0), timing)
    watch.follows(d2)
    let second = watch.isOutside(d2, Instant(milliseconds: 6_000), timing)
    let third = watch.isOutside(d2, Instant(milliseconds: 12_000), timing)
    #expect([first, second, third] == [false, false, true])
  }
}
