import Cluster
import Testing

@testable import Routing

@Suite("Router: writes and their retries") struct RouterWriteTests {
  typealias H = RouterHarness

  private func put(_ write: UInt64, retry: Bool = false, _ key: [UInt8] = H.key(of: 1)) -> ClientMessage {
    .put(write: write, retry: retry, key: key, value: [1])
  }

  @Test("the first write of a session introduces the client; the others do not")
  func introduction() {
    var (harness, links) = H.ready()
    let (first, actions) = harness.request(.put(key: H.key(of: 1), value: [1]))
    #expect(
      actions == [
        .send(links[1]!, number: 0, .introduce(H.client)), .send(links[1]!, number: first, put(1)),
      ])
    let (second, more) = harness.request(.put(key: H.key(of: 1), value: [1]))
    #expect(more == [.send(links[1]!, number: second, put(2))])
    #expect(
      harness.request(.delete(key: H.key(of: 2))).1.sent.first == .introduce(H.client), "another session")
  }

  @Test("writes are numbered over all partitions, reads are not")
  func numbers() {
    var (harness, _) = H.ready()
    var writes: [UInt64] = []
    for number in [1, 2, 3, 1] {
      for case .write(.put, let write, _, _, _, _, _) in harness.request(
        .put(key: H.key(of: number), value: [])
      ).1.sent {
        writes.append(write)
      }
      _ = harness.request(.get(key: H.key(of: number)))
    }
    #expect(writes == [1, 2, 3, 4])
  }

  @Test("after a lost session reads are sent again as they were, writes as retries of the same number")
  func lostSession() {
    var (harness, links) = H.ready()
    _ = harness.pass(2_000)
    let key = H.key(of: 1)
    let (read, _) = harness.request(.get(key: key))
    let (write, _) = harness.request(.put(key: key, value: [1]))
    let (removal, _) = harness.request(.delete(key: key))
    let redialled = harness.feed(.linkClosed(links[1]!, reason: "connection lost"))
    #expect(redialled.opened == ["d1"])
    let link = redialled.firstOpened!
    #expect(
      harness.feed(.linkOpened(link, expiry: 0)) == [
        .send(link, number: read, .get(key: key)), .send(link, number: 0, .introduce(H.client)),
        .send(link, number: write, put(1, retry: true)),
        .send(link, number: removal, .delete(write: 2, retry: true, key: key)),
      ])
    #expect(
      harness.feed(.answered(link, .done(number: write, .written(existed: true))))
        == [.complete(id: write, .outcome(.written(existed: true)))])
    #expect(
      harness.feed(.answered(link, .outcomeUnknown(number: removal))) == [.fail(id: removal, .outcomeUnknown)]
    )
  }

  @Test("a write that may have been executed never fails as if it had not been, whatever the reason")
  func doubtful() {
    var (harness, links) = H.ready()
    _ = harness.pass(2_000)
    let key = H.key(of: 1)
    let (read, _) = harness.request(.get(key: key))
    let (write, _) = harness.request(.put(key: key, value: [1]))
    let link = harness.feed(.linkClosed(links[1]!, reason: "connection lost")).firstOpened!
    let expired = KeyvalError.ticketExpired(realm: H.realm)
    let failed = harness.feed(.linkFailed(link, .credential(expired)))
    #expect(failed.contains(.fail(id: write, .outcomeUnknown)))
    #expect(failed.contains(.fail(id: read, expired)))
  }

  @Test(
    "a write that certainly was not executed is no retry",
    arguments: [DataAnswer.Unavailability.loading, .busy, .leaseOver])
  func unavailable(reason: DataAnswer.Unavailability) {
    var (harness, links) = H.ready()
    let (id, _) = harness.request(.put(key: H.key(of: 1), value: [1]))
    #expect(!harness.feed(.answered(links[1]!, .unavailable(number: id, reason))).sent.contains(put(1)))
    #expect(harness.pass(10).contains(.send(links[1]!, number: id, put(1))))
  }

  @Test("a write whose partition was given away meanwhile is a retry from then on")
  func released() {
    var (harness, links) = H.ready()
    let (id, _) = harness.request(.put(key: H.key(of: 1), value: [1]))
    _ = harness.feed(.answered(links[1]!, .unavailable(number: id, .released)))
    let later = (0..<20).flatMap { _ in harness.pass(50) }.sent
    #expect(later.contains(put(1, retry: true)))
    #expect(!later.contains(put(1)))
  }

  @Test("once doubtful, always a retry: also behind an answer that nothing was executed")
  func sticky() {
    var (harness, links) = H.ready()
    _ = harness.pass(2_000)
    let (id, _) = harness.request(.put(key: H.key(of: 1), value: [1]))
    let link = harness.feed(.linkClosed(links[1]!, reason: "lost")).firstOpened!
    _ = harness.feed(.linkOpened(link, expiry: 0))
    _ = harness.feed(.answered(link, .unavailable(number: id, .loading)))
    #expect(harness.pass(20).contains(.send(link, number: id, put(1, retry: true))))
  }

  @Test("pauses between attempts grow and are bounded")
  func pauses() {
    var (harness, links) = H.ready()
    let (id, _) = harness.request(.get(key: H.key(of: 1)), deadline: 60_000)
    var pauses: [Int64] = []
    for _ in 0..<12 {
      let before = harness.now
      _ = harness.feed(.answered(links[1]!, .unavailable(number: id, .loading)))
      while !harness.pass(1).sent.contains(.get(key: H.key(of: 1))) {}
      pauses.append(harness.now - before)
    }
    #expect(pauses[0] <= 15 && pauses[11] >= 120 && pauses.allSatisfy { $0 <= 260 }, "\(pauses)")
  }

  @Test("an answer that comes twice, or for nobody, changes nothing")
  func strayAnswers() {
    var (harness, links) = H.ready()
    let (id, _) = harness.request(.get(key: H.key(of: 1)))
    #expect(harness.feed(.answered(links[2]!, .value(number: id, [1]))) == [], "from another drone")
    #expect(harness.feed(.answered(links[1]!, .value(number: id, [1]))) == [.complete(id: id, .value([1]))])
    #expect(harness.feed(.answered(links[1]!, .value(number: id, [1]))) == [])
    #expect(harness.feed(.answered(links[1]!, .notFound(number: 999))) == [])
    #expect(harness.feed(.answered(LinkID(99), .notFound(number: 999))) == [])
  }

  @Test("an answer to another question than the one asked ends the session")
  func wrongKind() {
    var (harness, links) = H.ready()
    _ = harness.pass(2_000)
    let (id, _) = harness.request(.get(key: H.key(of: 1)))
    let actions = harness.feed(.answered(links[1]!, .done(number: id, .written(existed: true))))
    #expect(actions.first == .close(links[1]!) && actions.opened == ["d1"])
  }

  @Test("a cancelled request is forgotten, and its late answer too")
  func cancelled() {
    var (harness, links) = H.ready()
    let (id, _) = harness.request(.put(key: H.key(of: 1), value: [1]))
    #expect(harness.feed(.cancelled(id: id)) == [])
    #expect(harness.feed(.answered(links[1]!, .done(number: id, .written(existed: true)))) == [])
    #expect(harness.pass(20_000).failures == [])
  }

  @Test("what a drone says can never succeed is told to the caller")
  func failures() {
    let table: [(DataAnswer.Failure, KeyvalError)] = [
      (.keyTooLong, .keyTooLong(length: H.key(of: 1).count, limit: 1024)), (.keyEmpty, .keyEmpty),
      (.notPermitted, .notPermitted(principal: H.user, operation: "get this key")),
      (.memoryFull, .memoryFull(drone: "d1")),
      (.quotaReached, .quotaReached(principal: H.user, drone: "d1")),
    ]
    for (failure, error) in table {
      var (harness, links) = H.ready()
      let (id, _) = harness.request(.get(key: H.key(of: 1)))
      #expect(harness.feed(.answered(links[1]!, .failed(number: id, failure))) == [.fail(id: id, error)])
    }
  }

  @Test("who is told when to come back comes back then, and fails at once where that is too late")
  func limited() {
    var (harness, links) = H.ready()
    let (id, _) = harness.request(.get(key: H.key(of: 1)), deadline: 5_000)
    #expect(harness.feed(.answered(links[1]!, .limited(number: id, wait: 300))).sent == [])
    #expect(!harness.pass(290).sent.contains(.get(key: H.key(of: 1))))
    #expect(harness.pass(20).sent.contains(.get(key: H.key(of: 1))))
    #expect(
      harness.feed(.answered(links[1]!, .limited(number: id, wait: .max))).failures
        == [.tooManyRequests(principal: H.user, drone: "d1")])
  }

  @Test("a drone that has forgotten the client is told again who it is")
  func notIntroduced() {
    var (harness, links) = H.ready()
    let (id, _) = harness.request(.put(key: H.key(of: 1), value: [1]))
    _ = harness.feed(.answered(links[1]!, .failed(number: id, .notIntroduced)))
    #expect(harness.pass(20).sent == [.introduce(H.client), put(1)])
  }
}
