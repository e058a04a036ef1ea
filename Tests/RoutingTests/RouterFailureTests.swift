import Cluster
import Testing

@testable import Routing

@Suite("Router: silence, loss and deadlines") struct RouterFailureTests {
  typealias H = RouterHarness

  @Test("a silent drone is suspected; its requests move when the map gives them to another")
  func silence() {
    var (harness, links) = H.ready()
    _ = harness.pass(2_000)
    let key = H.key(of: 1)
    let (read, _) = harness.request(.get(key: key))
    let (write, _) = harness.request(.put(key: key, value: [1]))
    #expect(harness.pass(740) == [], "not suspected yet")
    let asked = harness.pass(20)
    guard case .send(let link, 0, .unreachable(let reported)) = asked.first else {
      Issue.record("\(asked)")
      return
    }
    #expect(reported == H.drone(1).principal && asked.dropFirst() == [.send(link, number: 0, .topology)])
    #expect(link != links[1], "asked of somebody else")
    let moved = harness.feed(.answered(link, .topology(number: 0, H.map(version: 2) { _ in 2 })))
    #expect(
      moved == [
        .send(links[2]!, number: read, .get(key: key)), .send(links[2]!, number: 0, .introduce(H.client)),
        .send(links[2]!, number: write, .put(write: 1, retry: true, key: key, value: [1])),
      ])
    #expect(harness.feed(.answered(links[1]!, .notFound(number: read))) == [], "a late answer is not taken")
    #expect(
      harness.feed(.answered(links[2]!, .value(number: read, [1]))) == [.complete(id: read, .value([1]))])
  }

  @Test("pauses are at most a third of the suspicion interval, so that they scale with a cluster's lease")
  func pauses() {
    var timing = ClientTiming()
    #expect(timing.longestPause == 250)
    timing.suspicion = 111
    var jitter = Jitter(seed: 1)
    #expect((1...40).allSatisfy { jitter.pause(after: $0, timing) <= 37 })
  }

  @Test("requests stay with a drone that answers others, whatever the map says")
  func alive() {
    var (harness, links) = H.ready()
    let (_, _) = harness.request(.put(key: H.key(of: 1), value: [1]))
    let actions = harness.feed(.answered(links[2]!, .topology(number: 0, H.map(version: 2) { _ in 2 })))
    #expect(actions.sent == [])
  }

  @Test("a session that stays silent is given up, and the requests go again on a new one")
  func abandoned() {
    var (harness, links) = H.ready()
    _ = harness.pass(2_000)
    _ = harness.request(.get(key: H.key(of: 1)))
    var actions: [ClientAction] = []
    for _ in 0..<40 {
      let now = harness.pass(100)
      actions += now
      // The others answer: the map has not changed.
      for case .send(let link, 0, .topology) in now where link != links[1]! {
        actions += harness.feed(.answered(link, .topology(number: 0, H.map())))
      }
    }
    #expect(actions.contains(.close(links[1]!)) && actions.opened == ["d1"])
  }

  @Test("the deadline of a read says so; that of a write says whether it may have been executed")
  func deadlines() {
    var (harness, _) = H.ready()
    let (read, _) = harness.request(.get(key: H.key(of: 1)), deadline: 500)
    let (write, _) = harness.request(.put(key: H.key(of: 1), value: [1]), deadline: 600)
    let early = harness.pass(499)
    #expect(early.failures == [])
    let actions = harness.pass(101)
    #expect(actions.contains(.fail(id: read, .deadlineExceeded(outcomeUnknown: false, problem: nil))))
    #expect(actions.contains(.fail(id: write, .deadlineExceeded(outcomeUnknown: true, problem: nil))))
  }

  @Test("a write that was told to wait until its deadline was certainly not executed")
  func certainDeadline() {
    var (harness, links) = H.ready()
    let (id, _) = harness.request(.put(key: H.key(of: 1), value: [1]), deadline: 8)
    _ = harness.feed(.answered(links[1]!, .unavailable(number: id, .loading)))
    guard case .deadlineExceeded(let outcomeUnknown, let problem) = harness.pass(8).failures.first else {
      Issue.record("no failure")
      return
    }
    #expect(!outcomeUnknown && problem?.contains("loading") == true)
  }

  @Test("a drone that cannot be dialled is reported to whoever is asked for the map")
  func undialled() {
    var (harness, links) = H.ready()
    _ = harness.pass(2_000)
    #expect(harness.feed(.linkClosed(links[2]!, reason: "idle")).sent == [], "nobody misses it")
    let (_, actions) = harness.request(.get(key: H.key(of: 2)))
    #expect(actions.opened == ["d2"])
    let asked = harness.feed(.linkFailed(actions.firstOpened!, .unreachable("refused")))
    #expect(asked.sent == [.unreachable(H.drone(2).principal), .topology])
  }

  @Test("when no seed answers, each is tried again and again until the deadline, which names them")
  func unreachable() {
    var harness = H(seeds: Array(H.drones[0...1]))
    var actions = harness.request(.get(key: [1])).1
    var dials: [String] = []
    var failures: [KeyvalError] = []
    for _ in 0..<2_000 where failures.isEmpty {
      dials += actions.opened
      var next: [ClientAction] = []
      for case .open(let link, _, _) in actions {
        next += harness.feed(.linkFailed(link, .unreachable("refused")))
      }
      actions = next + harness.pass(10)
      failures = actions.failures
    }
    #expect(Set(dials) == ["d1", "d2"] && dials.count > 20 && dials.count < 200, "\(dials.count)")
    guard case .noReachableNode(let tried, let problem) = failures.first else {
      Issue.record("\(failures)")
      return
    }
    #expect(tried.count == 2 && tried[0].contains("127.0.0.1:7001") && problem.contains("refused"))
    #expect(harness.now >= 11_000)
  }

  @Test("a missing ticket fails everything that was not sent, at once; the next request tries anew")
  func noTicket() {
    var harness = H()
    let (first, _) = harness.request(.get(key: [1]))
    let (second, _) = harness.request(.put(key: [1], value: []))
    let error = KeyvalError.noTicket(realm: "KEYVAL.TEST")
    #expect(
      harness.feed(.linkFailed(LinkID(1), .credential(error)))
        == [.fail(id: first, error), .fail(id: second, error)])
    #expect(harness.request(.get(key: [1])).1.opened == ["d1"])
    #expect(
      error.kinitLine == "kinit NAME@KEYVAL.TEST" && error.description.contains("kinit NAME@KEYVAL.TEST"))
  }

  @Test("a seed that refuses for good is not the end while another may be asked")
  func refusedSeed() {
    var harness = H(seeds: Array(H.drones[0...1]))
    let (id, _) = harness.request(.get(key: H.key(of: 2)))
    #expect(harness.feed(.linkFailed(LinkID(1), .refused("another cluster"))).opened == ["d2"])
    _ = harness.feed(.linkOpened(LinkID(2), expiry: 0))
    let actions = harness.feed(.answered(LinkID(2), .topology(number: 0, H.map())))
    #expect(actions == [.send(LinkID(2), number: id, .get(key: H.key(of: 2)))])
  }

  @Test("when every seed refuses for good the request fails at once and names who refused")
  func allRefuse() {
    var harness = H(seeds: Array(H.drones[0...1]))
    let (id, _) = harness.request(.get(key: [1]))
    _ = harness.feed(.linkFailed(LinkID(1), .refused("another cluster")))
    let actions = harness.feed(.linkFailed(LinkID(2), .refused("another cluster")))
    #expect(actions == [.fail(id: id, .refused(by: H.drones[0].principal.text, reason: "another cluster"))])
  }

  @Test("a drone without a map yet is passed over")
  func noMapYet() {
    var harness = H(seeds: Array(H.drones[0...1]))
    _ = harness.request(.get(key: [1]))
    _ = harness.feed(.linkOpened(LinkID(1), expiry: 0))
    #expect(harness.feed(.answered(LinkID(1), .unavailable(number: 0, .noCommander))).opened == ["d2"])
  }

  @Test("an owner that cannot be dialled is left alone for a moment, not dialled in a loop")
  func outage() {
    var (harness, links) = H.ready()
    _ = harness.pass(2_000)
    _ = harness.request(.get(key: H.key(of: 2)))
    var actions = harness.feed(.linkClosed(links[2]!, reason: "gone"))
    var dials = 0
    for _ in 0..<100 {
      dials += actions.opened.count
      var next: [ClientAction] = []
      for case .open(let link, _, _) in actions {
        next += harness.feed(.linkFailed(link, .unreachable("refused")))
      }
      for case .send(let link, 0, .topology) in actions {
        next += harness.feed(.answered(link, .topology(number: 0, H.map())))
      }
      actions = next + harness.pass(10)
    }
    #expect(dials >= 3 && dials <= 15, "\(dials) dials in a second")
  }

  @Test("before a ticket ends a new session is opened, and requests move over without a gap")
  func replacement() {
    var (harness, links) = H.ready()
    _ = harness.pass(40_000)
    let (pending, _) = harness.request(.get(key: H.key(of: 1)))
    let actions = harness.feed(.linkExpiring(links[1]!))
    let fresh = actions.firstOpened!
    #expect(actions.opened == ["d1"])
    #expect(harness.feed(.linkExpiring(links[1]!)) == [], "once")
    let (meanwhile, sent) = harness.request(.get(key: H.key(of: 1)))
    #expect(sent == [.send(links[1]!, number: meanwhile, .get(key: H.key(of: 1)))])
    #expect(harness.feed(.linkOpened(fresh, expiry: H.start + 99_999)) == [])
    let (after, moved) = harness.request(.get(key: H.key(of: 1)))
    #expect(moved == [.send(fresh, number: after, .get(key: H.key(of: 1)))])
    #expect(
      harness.feed(.answered(links[1]!, .notFound(number: pending))) == [.complete(id: pending, .value(nil))])
    #expect(
      harness.feed(.answered(links[1]!, .notFound(number: meanwhile)))
        == [.complete(id: meanwhile, .value(nil)), .close(links[1]!)])
  }

  @Test("a ticket that cannot be renewed ends nothing before its time")
  func replacementFails() {
    var (harness, links) = H.ready()
    _ = harness.pass(40_000)
    let fresh = harness.feed(.linkExpiring(links[1]!)).firstOpened!
    let (id, _) = harness.request(.get(key: H.key(of: 1)))
    #expect(harness.feed(.linkFailed(fresh, .credential(.ticketExpired(realm: "R")))) == [])
    #expect(harness.feed(.answered(links[1]!, .notFound(number: id))) == [.complete(id: id, .value(nil))])
  }

  @Test("closing fails what is under way, closes every session and takes nothing more")
  func closing() {
    var (harness, _) = H.ready()
    let (id, _) = harness.request(.get(key: H.key(of: 1)))
    let actions = harness.feed(.closed)
    #expect(actions.first == .fail(id: id, .closed) && actions.count == 4)
    #expect(harness.request(.get(key: [1])).1 == [.fail(id: id + 1, .closed)])
    #expect(harness.feed(.linkOpened(LinkID(1), expiry: 0)) == [])
  }

  @Test("the same events and seed give the same actions")
  func deterministic() {
    func run() -> [ClientAction] {
      var harness = H(seeds: H.drones, seed: 42)
      var actions: [ClientAction] = []
      for number in 0..<50 { actions += harness.request(.get(key: [UInt8(number)])).1 }
      actions += harness.feed(.linkOpened(LinkID(1), expiry: 0))
      actions += harness.feed(.answered(LinkID(1), .topology(number: 0, H.map())))
      for link in 2...3 { actions += harness.feed(.linkOpened(LinkID(UInt64(link)), expiry: 0)) }
      for link in 1...3 { actions += harness.feed(.linkClosed(LinkID(UInt64(link)), reason: "gone")) }
      return actions + harness.pass(5_000)
    }
    #expect(run() == run())
  }
}
