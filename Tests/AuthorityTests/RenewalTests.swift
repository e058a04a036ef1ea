import Cluster
import Testing

@testable import Authority

@Suite("The current commander") struct RenewalTests {
  private let d1 = World.drone(1)
  private let d2 = World.drone(2)

  private func certified() -> World {
    let world = World()
    world.elect(1, term: 1)
    return world
  }

  @Test("its key is certified again without a ballot, and everybody is told")
  func renewal() throws {
    let world = certified()
    let first = try #require(world.certificates(of: d1).last)
    world.wall += 1800
    let ballots = world.actions.count { if case .send(.voteQuery, _) = $0 { true } else { false } }
    world.request(1, by: d1)
    let second = try #require(world.certificates(of: d1).last)
    #expect(second.certificate != first.certificate && second.term == Term(1))
    #expect(world.register.office.certificate?.der == second.certificate)
    #expect(world.actions.count { if case .send(.voteQuery, _) = $0 { true } else { false } } == ballots)
    guard case .registered(let registered) = world.sent(to: d2).last(where: \.isRegistered) else { return }
    #expect(registered.certificate == second.certificate)
  }

  @Test("a request that is repeated at once gets the same certificate")
  func repeated() {
    let world = certified()
    world.request(1, by: d1)
    #expect(Set(world.certificates(of: d1).map(\.certificate)).count == 1)
    #expect(world.certificates(of: d1).count == 2)
  }

  @Test("another key, or another drone, is not certified in its term")
  func otherKey() {
    let world = certified()
    world.wall += 1800
    world.newKey(of: d1)
    world.request(1, by: d1)
    world.request(1, by: d2)
    #expect(world.failures(of: d1).count == 1 && world.failures(of: d2).count == 1)
    #expect(world.certificates(of: d1).count == 1)
  }

  @Test("a renewal that meets a higher term is dropped")
  func renewalTooLate() {
    let world = certified()
    world.wall += 1800
    world.standby = { world in
      let winner = Winner(principal: World.drone(2), key: world.key(of: World.drone(2)))
      world.store(world.register.office.followed(term: Term(2), state: .certifying(winner, done: .claimed)))
    }
    world.request(1, by: d1)
    #expect(world.certificates(of: d1).count == 1)
    #expect(world.certificates(of: d2).map(\.term) == [Term(2)])
  }

  @Test("its heartbeat is answered")
  func heard() {
    let world = certified()
    world.heartbeat(term: 1, from: d1, sequence: 8)
    #expect(world.heard(by: d1) == [8])
  }

  @Test("somebody else's heartbeat, or one with a wrong certificate, is not")
  func notHeard() {
    let world = certified()
    world.heartbeat(term: 1, from: d1, sequence: 1)
    world.heartbeat(term: 1, from: d2, sequence: 2)
    world.heartbeat(term: 1, from: d1, sequence: 3, certificate: [1, 2, 3])
    world.heartbeat(term: 0, from: d1, sequence: 4)
    world.heartbeat(term: 1, from: d1, sequence: 5, certificate: otherKeysCertificate(world))
    world.wall += 4000
    world.heartbeat(term: 1, from: d1, sequence: 6)
    #expect(world.heard(by: d1) == [1] && world.heard(by: d2).isEmpty)
  }

  /// As the CA could issue it, and never should: the same term and winner, another key.
  private func otherKeysCertificate(_ world: World) -> [UInt8] {
    world.newKey(of: d1)
    return World.certificate(
      CertificateOrder(
        term: Term(1), winner: Winner(principal: d1, key: world.key(of: d1)), notBefore: world.wall - 1,
        notAfter: world.wall + 100))
  }

  @Test("a deposed commander is told the higher term")
  func deposed() {
    let world = certified()
    let old = world.register.office.certificate?.der
    world.elect(2, term: 2)
    world.heartbeat(term: 1, from: d1, certificate: old)
    guard case .refused(let refusal) = world.sent(to: d1).last else {
      Issue.record("not refused")
      return
    }
    #expect(refusal.term == Term(2))
    #expect(world.heard(by: d1).isEmpty)
  }

  @Test("a winner that vanished is certified all the same, and a higher ballot replaces it")
  func vanished() {
    let world = World()
    world.unreachableDatabases = [World.database(1)]
    world.elect(1, term: 1)
    world.feed(.disconnected(d1))
    world.unreachableDatabases = []
    world.pass(World.timing.heartbeat)
    #expect(world.register.office.certificate != nil)
    world.pass(World.timing.suspicion)
    world.elect(2, term: 2)
    #expect(world.certificates(of: d2).map(\.term) == [Term(2)])
  }
}
