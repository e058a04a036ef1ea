import Cluster
import Testing

@testable import Routing

@Suite("Router: the slot map") struct RouterMapTests {
  typealias H = RouterHarness

  @Test("the first request asks a seed for the map, then goes to the owner that the map names")
  func first() {
    var harness = H()
    let (id, dialled) = harness.request(.get(key: H.key(of: 2)))
    let seed = LinkID(1)
    #expect(dialled == [.open(seed, H.drones[0].principal, H.drones[0].endpoint)])
    #expect(harness.feed(.linkOpened(seed, expiry: H.start + 3_600)) == [.send(seed, number: 0, .topology)])
    let owner = LinkID(2)
    #expect(
      harness.feed(.answered(seed, .topology(number: 0, H.map())))
        == [.open(owner, H.drones[1].principal, H.drones[1].endpoint)])
    #expect(
      harness.feed(.linkOpened(owner, expiry: H.start + 3_600))
        == [.send(owner, number: id, .get(key: H.key(of: 2)))])
    #expect(
      harness.feed(.answered(owner, .value(number: id, [7]))) == [.complete(id: id, .value([7]))])
  }

  @Test("many requests before the first map cost one dial and one question")
  func singleFlight() {
    var harness = H()
    let first = harness.request(.get(key: H.key(of: 1))).1
    #expect(first.opened == ["d1"])
    for number in 1...3 { #expect(harness.request(.get(key: H.key(of: number))).1 == []) }
    #expect(harness.feed(.linkOpened(LinkID(1), expiry: 0)).sent == [.topology])
    let routed = harness.feed(.answered(LinkID(1), .topology(number: 0, H.map())))
    #expect(routed.opened == ["d2", "d3"] && routed.sent.count == 2)
  }

  @Test("a map that is not believed is refused, and the next drone is asked")
  func forged() throws {
    let good = H.map()
    let forged = SignedSlotMap(
      body: good.body.reversed(), signature: good.signature, certificate: good.certificate)
    var harness = H(seeds: H.drones)
    let (id, _) = harness.request(.get(key: H.key(of: 1)))
    _ = harness.feed(.linkOpened(LinkID(1), expiry: 0))
    #expect(harness.feed(.answered(LinkID(1), .topology(number: 0, forged))).opened == ["d2"])
    #expect(harness.router.map == nil)
    _ = harness.feed(.linkOpened(LinkID(2), expiry: 0))
    let routed = harness.feed(.answered(LinkID(2), .topology(number: 0, good)))
    #expect(routed == [.send(LinkID(1), number: id, .get(key: H.key(of: 1)))])
  }

  @Test("when every seed gives a map that cannot be believed, the request fails at once and says why")
  func allForged() {
    var harness = H()
    _ = harness.request(.get(key: [1]))
    _ = harness.feed(.linkOpened(LinkID(1), expiry: 0))
    let failures = harness.feed(.answered(LinkID(1), .topology(number: 0, H.map(cluster: "other")))).failures
    guard case .mapRefused(let node, let reason) = failures.first else {
      Issue.record("\(failures)")
      return
    }
    #expect(node == H.drones[0].principal.text && reason.contains("other"))
  }

  @Test("an expired map is not used: a fresh one is asked for, and older terms stay refused")
  func expiry() {
    var (harness, links) = H.ready(map: H.map(term: 2, life: 10))
    harness.seconds += 11
    harness.now += 11_000
    let (id, asked) = harness.request(.get(key: H.key(of: 1)))
    #expect(asked.sent == [.topology])
    guard case .send(let link, _, _) = asked.first else { return }
    let old = H.map(term: 1, version: 99, now: harness.seconds)
    #expect(
      !harness.feed(.answered(link, .topology(number: 0, old))).contains {
        if case .complete = $0 { true } else { false }
      })
    #expect(harness.router.map?.term == Term(2))
    _ = harness.pass(700)
    let fresh = H.map(term: 3, now: harness.seconds)
    let routed = harness.feed(.answered(link, .topology(number: 0, fresh)))
    #expect(routed.contains(.send(links[1]!, number: id, .get(key: H.key(of: 1)))))
  }

  @Test("at half of a map's life a fresh one is asked for beside the requests")
  func renewal() {
    var (harness, links) = H.ready(map: H.map(life: 600))
    harness.now += 301_000
    harness.seconds += 301
    let (id, actions) = harness.request(.get(key: H.key(of: 1)))
    #expect(actions.sent.contains(.topology))
    #expect(actions.contains(.send(links[1]!, number: id, .get(key: H.key(of: 1)))))
  }

  @Test("the map never goes back, whatever is sent")
  func noReturn() {
    var (harness, links) = H.ready(map: H.map(term: 5, version: 7))
    for (term, version) in [(UInt64(5), UInt64(6)), (4, 100), (5, 7)] {
      _ = harness.feed(.answered(links[2]!, .topology(number: 0, H.map(term: term, version: version))))
      #expect(harness.router.map.map { [$0.term.number, $0.version] } == [5, 7])
    }
    _ = harness.feed(.answered(links[2]!, .topology(number: 0, H.map(term: 5, version: 8))))
    #expect(harness.router.map?.version == 8)
  }

  @Test("moved: the map is refreshed once, and the request goes to the new owner")
  func moved() {
    var (harness, links) = H.ready()
    _ = harness.pass(100)
    let (id, _) = harness.request(.get(key: H.key(of: 1)))
    let asked = harness.feed(.answered(links[1]!, .moved(number: id, term: Term(1), version: 2)))
    #expect(asked.sent == [.topology])
    let (other, _) = harness.request(.get(key: H.key(of: 1)))
    #expect(harness.feed(.answered(links[1]!, .moved(number: other, term: Term(1), version: 2))) == [])
    guard case .send(let link, _, _) = asked.first else { return }
    let routed = harness.feed(.answered(link, .topology(number: 0, H.map(version: 2) { _ in 3 })))
    let key = H.key(of: 1)
    #expect(
      routed == [
        .send(links[3]!, number: id, .get(key: key)), .send(links[3]!, number: other, .get(key: key)),
      ])
  }

  @Test("moved by a drone that knows less than the client is asked again after a pause, not in a loop")
  func movedStale() {
    var (harness, links) = H.ready(map: H.map(term: 3, version: 3))
    _ = harness.pass(100)
    let (id, _) = harness.request(.get(key: H.key(of: 1)))
    let actions = harness.feed(.answered(links[1]!, .moved(number: id, term: Term(3), version: 2)))
    #expect(actions.sent == [.topology], "no resend yet")
    let later = harness.pass(20)
    #expect(later.contains(.send(links[1]!, number: id, .get(key: H.key(of: 1)))))
  }

  @Test("a slot that nobody owns is waited for")
  func unowned() {
    var harness = H()
    let (id, _) = harness.request(.get(key: H.key(of: 1)))
    _ = harness.feed(.linkOpened(LinkID(1), expiry: 0))
    let unowned = H.map { $0.index % 3 == 0 ? nil : $0.index % 3 + 1 }
    #expect(harness.feed(.answered(LinkID(1), .topology(number: 0, unowned))) == [])
    #expect(harness.pass(20) == [.send(LinkID(1), number: 0, .topology)])
    let routed = harness.feed(.answered(LinkID(1), .topology(number: 0, H.map(version: 2))))
    #expect(routed == [.send(LinkID(1), number: id, .get(key: H.key(of: 1)))])
  }

  @Test("whoever has an old map is not the only one who is asked: others take their turn")
  func staleMap() {
    var harness = H()
    _ = harness.request(.get(key: H.key(of: 1)), deadline: 100_000)
    _ = harness.feed(.linkOpened(LinkID(1), expiry: H.start + 36_000))
    let unowned = H.map { $0.index % 3 == 0 ? nil : $0.index % 3 + 1 }
    var opened: [String] = []
    for _ in 0..<8 where opened.isEmpty {
      _ = harness.feed(.answered(LinkID(1), .topology(number: 0, unowned)))
      opened += harness.pass(200).opened
    }
    #expect(opened == ["d2"], "d1 is cut off from the commander")
  }

  @Test("only drones of a believed map or of the seeds are dialled")
  func dialled() {
    let (harness, _) = H.ready()
    #expect(Set(harness.router.links.values.map(\.principal)) == Set(H.drones.map(\.principal)))
    var stranger = H()
    _ = stranger.request(.get(key: [1]))
    _ = stranger.feed(.linkOpened(LinkID(1), expiry: 0))
    let forged = H.map(cluster: "other", drones: [H.drone(1), H.drone(2), H.drone(9)])
    let actions = stranger.feed(.answered(LinkID(1), .topology(number: 0, forged)))
    #expect(actions.opened == [])
  }

  @Test("a drone that restarted at another address is dialled there")
  func newAddress() {
    var (harness, links) = H.ready()
    _ = harness.pass(2_000)
    let (id, _) = harness.request(.get(key: H.key(of: 2)))
    let redialled = harness.feed(.linkClosed(links[2]!, reason: "gone"))
    let old = redialled.firstOpened!
    #expect(redialled.opened == ["d2"] && redialled.sent == [.unreachable(H.drone(2).principal), .topology])
    guard case .send(let link, _, .topology) = redialled.last else { return }
    let moved = [H.drone(1), H.drone(2, port: 9_999), H.drone(3)]
    let actions = harness.feed(.answered(link, .topology(number: 0, H.map(version: 2, drones: moved))))
    #expect(actions.contains(.close(old)))
    #expect(actions.contains(.open(LinkID(old.number + 1), H.drones[1].principal, moved[1].endpoint)))
    let sent = harness.feed(.linkOpened(LinkID(old.number + 1), expiry: 0))
    #expect(sent == [.send(LinkID(old.number + 1), number: id, .get(key: H.key(of: 2)))])
  }

  @Test("locate answers from the map; a request for it before there is one waits")
  func locate() {
    var harness = H()
    let (early, _) = harness.request(.locate(key: H.key(of: 2)))
    _ = harness.feed(.linkOpened(LinkID(1), expiry: 0))
    let slot = Slot(key: H.key(of: 2))
    let owner = Location.Owner(principal: H.drones[1].principal, endpoint: H.drones[1].endpoint)
    let reply = ClientReply.location(Location(slot: slot, owner: owner))
    #expect(
      harness.feed(.answered(LinkID(1), .topology(number: 0, H.map()))) == [.complete(id: early, reply)])
    let (id, actions) = harness.request(.locate(key: H.key(of: 2)))
    #expect(actions == [.complete(id: id, reply)])
  }

  @Test("status is asked of the commander of the map, and of the next one when it is gone")
  func status() {
    var (harness, links) = H.ready()
    _ = harness.pass(2_000)
    let (id, asked) = harness.request(.status)
    #expect(asked == [.send(links[1]!, number: id, .status)])
    let actions = harness.feed(.linkClosed(links[1]!, reason: "gone"))
    guard case .send(let link, _, .topology) = actions.first(where: { [.topology] == [$0].sent }) else {
      Issue.record("\(actions)")
      return
    }
    _ = harness.feed(.linkFailed(actions.firstOpened!, .unreachable("refused")))
    let next = H.map(term: 2, commander: 2) { _ in 2 }
    let routed = harness.feed(.answered(link, .topology(number: 0, next)))
    #expect(routed.contains(.send(links[2]!, number: id, .status)))
    let status = ClusterStatus(
      cluster: "test", term: Term(2), commander: H.drones[1].principal, mapVersion: 1, slotsServed: 16_384,
      drones: [], databases: [], authorities: [])
    #expect(
      harness.feed(.answered(links[2]!, .status(number: id, status))) == [.complete(id: id, .status(status))])
  }
}
