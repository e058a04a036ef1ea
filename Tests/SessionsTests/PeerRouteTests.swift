import Testing

@testable import Sessions

@Suite("Which session and which address a peer is reached by") struct PeerRouteTests {
  private var route = PeerRoute()
  private let start = Duration.seconds(1_000)

  private func at(_ milliseconds: Int64) -> Duration { start + .milliseconds(milliseconds) }

  private mutating func fail(_ addresses: Int, at moment: Int64, random: Double = 0.5) -> Bool {
    route.failed(isReplacement: false, addresses: addresses, now: at(moment), random: random)
  }

  @Test("messages wait in order for the session that is dialled, the newest few of them")
  mutating func waits() {
    var bounds = PeerRoute.Bounds()
    bounds.queuedMessages = 2
    route = PeerRoute(bounds)
    #expect(route.newest { _ in true } == nil)
    let dropped = (1...3).map { route.enqueue([$0], now: at(0)) }
    #expect(dropped == [0, 0, 1])
    #expect(route.attempt(addresses: 1, now: at(0)) == .dial(0))
    #expect(route.attempt(addresses: 1, now: at(1)) == .none, "one dial at a time")
    route.dialled()
    #expect(route.opened(7, now: at(2)) == [[2], [3]])
    #expect(route.newest { _ in true } == 7)
  }

  @Test("what is too old is not sent") mutating func old() {
    _ = route.enqueue([1], now: at(0))
    _ = route.enqueue([2], now: at(1_000))
    #expect(route.opened(7, now: at(5_500)) == [[2]])
  }

  @Test("what waits for somebody whose address nobody knows is dropped") mutating func unknown() {
    _ = route.enqueue([1], now: at(0))
    #expect(route.attempt(addresses: 0, now: at(0)) == .unknownAddress)
    #expect(route.opened(7, now: at(1)) == [])
  }

  @Test("the newest session is sent on, whoever dialled it; one that is over is passed by")
  mutating func newest() {
    for session: UInt64 in 1...3 { _ = route.opened(session, now: at(0)) }
    #expect(route.newest { _ in true } == 3)
    #expect(route.newest { $0 != 3 } == 2)
    route.closed(2)
    #expect(route.newest { _ in true } == 1)
  }

  @Test("after a failure the pauses double, each from half to one and a half, up to the longest")
  mutating func pauses() {
    _ = route.enqueue([1], now: at(0))
    var now: Int64 = 0
    var pauses: [Int64] = []
    for random in [0.0, 0.999, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5] {
      // As a caller does who goes on sending.
      _ = route.enqueue([1], now: at(now))
      #expect(route.attempt(addresses: 1, now: at(now)) == .dial(0))
      #expect(fail(1, at: now, random: random) == true)
      guard case .wait(let end) = route.retried(addresses: 1, now: at(now)) else {
        Issue.record("there is no pause after a failure")
        return
      }
      #expect(route.attempt(addresses: 1, now: at(now)) == .none, "the attempt is due later")
      #expect(route.retryDue(addresses: 1, now: end - .milliseconds(1)) == .none)
      let pause = Int64((end - at(now)) / .milliseconds(1))
      pauses.append(pause)
      now += pause + 1
      #expect(route.retryDue(addresses: 1, now: at(now)) == .dial(0))
      route.dialled()
      // The session never comes: as if the next attempt followed at once.
    }
    #expect(pauses == [25, 149, 200, 400, 800, 1_600, 2_000, 2_000])
  }

  @Test("of several addresses the next is tried without a pause, and a pause comes before the first again")
  mutating func several() {
    _ = route.enqueue([1], now: at(0))
    #expect(route.attempt(addresses: 2, now: at(0)) == .dial(0))
    #expect(fail(2, at: 1) == true)
    #expect(route.retried(addresses: 2, now: at(1)) == .dial(1))
    #expect(fail(2, at: 2) == true)
    #expect(route.retried(addresses: 2, now: at(2)) == .wait(until: at(2) + .milliseconds(50)))
    #expect(route.moved(addresses: 2, now: at(3)) == .dial(0), "a new address is tried at once")
  }

  @Test("a session that is silent for too long has the next address dialled beside it, once a while")
  mutating func silence() {
    _ = route.opened(7, now: at(0))
    #expect(route.lookBeside(addresses: 2, now: at(0)) == nil)
    #expect(route.lookBeside(addresses: 2, now: at(3_000)) == nil)
    route.received(on: 7)
    #expect(route.lookBeside(addresses: 2, now: at(3_001)) == nil)
    #expect(route.lookBeside(addresses: 2, now: at(6_002)) == 1)
    #expect(route.lookBeside(addresses: 2, now: at(60_000)) == nil, "that dial is under way")
    route.dialled()
    _ = route.opened(8, now: at(60_001))
    #expect(route.lookBeside(addresses: 2, now: at(60_001)) == nil)
    // The old one speaks again: it is not the newest any more.
    route.received(on: 7)
    #expect(route.lookBeside(addresses: 2, now: at(63_002)) == 0)
  }

  @Test("who has one address is not looked for beside it") mutating func single() {
    _ = route.opened(7, now: at(0))
    for moment: Int64 in [0, 10_000, 20_000] {
      #expect(route.lookBeside(addresses: 1, now: at(moment)) == nil)
    }
  }

  @Test("a session that cannot be replaced goes on, and nothing is said of it") mutating func replacement() {
    _ = route.opened(7, now: at(0))
    #expect(route.replace(6, addresses: 1) == nil, "not the newest")
    #expect(route.replace(7, addresses: 1) == 0)
    #expect(route.replace(7, addresses: 1) == nil, "that dial is under way")
    #expect(route.failed(isReplacement: true, addresses: 1, now: at(1), random: 0.5) == false)
    #expect(route.newest { _ in true } == 7)
    #expect(route.replace(7, addresses: 1) == 0)
    route.closed(7)
    #expect(route.failed(isReplacement: true, addresses: 1, now: at(2), random: 0.5) == true)
  }

  @Test("a route is forgotten only when it knows nothing that counts") mutating func forgettable() {
    #expect(route.isForgettable(now: at(0)))
    _ = route.enqueue([1], now: at(0))
    #expect(!route.isForgettable(now: at(0)))
    _ = route.opened(7, now: at(0))
    #expect(!route.isForgettable(now: at(0)))
    route.closed(7)
    #expect(route.isForgettable(now: at(0)))
    #expect(route.attempt(addresses: 1, now: at(0)) == .dial(0))
    #expect(!route.isForgettable(now: at(0)))
    _ = fail(1, at: 0)
    #expect(!route.isForgettable(now: at(0)))
    #expect(route.isForgettable(now: at(50)))
  }
}
