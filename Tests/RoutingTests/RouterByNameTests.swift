import Cluster
import Testing

@testable import Routing

@Suite("Router: a drone that is asked by its name") struct RouterByNameTests {
  typealias H = RouterHarness

  @Test("a drone of the configuration is asked at once, without a map, and so without a commander")
  func seed() {
    var harness = H(seeds: H.drones)
    let (id, dialled) = harness.request(.sessions(.list(after: 7), drone: "d2"))
    #expect(dialled == [.open(LinkID(1), H.drones[1].principal, H.drones[1].endpoint)])
    #expect(
      harness.feed(.linkOpened(LinkID(1), expiry: H.start + 3_600))
        == [.send(LinkID(1), number: id, .sessions(.list(after: 7)))])
    let page = SessionPage(sessions: [], hasMore: false)
    #expect(
      harness.feed(.answered(LinkID(1), .sessions(number: id, page))) == [.complete(id: id, .sessions(page))])
  }

  @Test("where the configuration does not name it the map does; another is said not to be there")
  func map() {
    var (harness, links) = H.ready()
    let (id, sent) = harness.request(.sessions(.end(3), drone: "d3"))
    #expect(sent == [.send(links[3]!, number: id, .sessions(.end(3)))])
    let reply = AdministratorReply(isAccepted: true, sentence: "ended")
    #expect(
      harness.feed(.answered(links[3]!, .administered(number: id, reply)))
        == [.complete(id: id, .administered(reply))])
    #expect(harness.request(.sessions(.end(3), drone: "d9")).1.failures == [.noSuchDrone("d9")])
    let (names, completed) = harness.request(.drones)
    #expect(completed == [.complete(id: names, .drones(["d1", "d2", "d3"]))])
  }

  @Test("an order that its drone refuses fails, and one whose answer is another question's ends the link")
  func refused() {
    var (harness, links) = H.ready()
    let (denied, _) = harness.request(.sessions(.end(3), drone: "d1"))
    #expect(
      harness.feed(.answered(links[1]!, .failed(number: denied, .notPermitted))).failures
        == [.notPermitted(principal: H.user, operation: "administer the cluster")])
    let (id, _) = harness.request(.sessions(.end(3), drone: "d2"))
    let page = SessionPage(sessions: [], hasMore: false)
    let actions = harness.feed(.answered(links[2]!, .sessions(number: id, page)))
    #expect(actions.contains(.close(links[2]!)))
  }

  @Test("a drone of the configuration that is not there is not said to lack a map")
  func unreachable() {
    var harness = H(seeds: H.drones)
    _ = harness.request(.sessions(.list(after: 0), drone: "d2"), deadline: 500)
    _ = harness.feed(.linkFailed(LinkID(1), .unreachable("connection refused")))
    guard case .deadlineExceeded(_, let problem) = harness.pass(1_000).failures.first else {
      Issue.record("no deadline")
      return
    }
    #expect(problem == "connection refused")
  }
}
