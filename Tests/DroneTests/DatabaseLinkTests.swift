import Cluster
import Testing
import Wire

@testable import Drone

@Suite("A data loop's session with the database") struct DatabaseLinkTests {
  private static let database = try! Principal("keyval-database/db1@KEYVAL.TEST")
  private static let node = RegisteredNode(
    principal: database, endpoint: Endpoint(host: "127.0.0.1", port: 6234))
  private static let partition = Partition.all[3]
  private static let token = FencingToken(term: Term(1), counter: 1)

  private static let answer: GrantAnswer = {
    let drone = try! Principal("keyval-drone/d1@KEYVAL.TEST")
    let key = SealingKey(identifier: 1, key: [UInt8](repeating: 7, count: SealingKey.length))!
    let grant = Grant(partitions: [partition], incarnation: Incarnation(1), token: token)
    let sealed = try! SealedGrant(
      grant, cluster: "test", database: database, drone: drone, key: key,
      salt: [UInt8](repeating: 1, count: SealedGrant.saltLength))
    return GrantAnswer(
      term: Term(1), incarnation: Incarnation(1), partitions: [partition], token: token, database: node,
      grant: sealed)
  }()

  /// A link and its data core; the clock stands.
  private struct Loop {
    var link = DatabaseLinkCore(timing: Timing())
    var data = DataCore(incarnation: Incarnation(1))
    var now = Instant(milliseconds: 1_000)

    mutating func feed(_ event: DatabaseLinkCore.Event) -> [DatabaseLinkCore.Action] {
      link.handle(event, &data, canSend: true, now: now)
    }

    /// With a session, and the partition loaded and served.
    static func serving() -> Loop {
      var loop = Loop()
      _ = loop.feed(.located(node))
      _ = loop.feed(.sessionOpened)
      _ = loop.feed(.granted(answer, [partition]))
      _ = loop.feed(
        .answered(.opened(number: 1, partition: partition, sequence: 0, past: PastWrites())))
      _ = loop.feed(.readCompleted)
      loop.data.serve([partition], until: loop.now + 1_000)
      return loop
    }

    mutating func put() {
      var answers = CBORWriter()
      [UInt8(1)].withUnsafeBytes { bytes in
        data.execute(
          LocatedRequest(
            .put(number: 1, write: 1, retry: false, key: bytes, value: bytes), in: partition),
          client: ClientIncarnation(high: 1, low: 2),
          replyTo: ReplyAddress(loop: 0, connection: 1, number: 1),
          now: now, answers: &answers)
      }
    }
  }

  /// The numbers of the appends among the actions, with how many records they have.
  private func appends(_ actions: [DatabaseLinkCore.Action]) -> [UInt64: Int] {
    var found: [UInt64: Int] = [:]
    for case .send(.append(let number, let batches)) in actions {
      found[number] = batches.reduce(0) { $0 + $1.records.count }
    }
    return found
  }

  private func lost(_ actions: [DatabaseLinkCore.Action]) -> PartitionSet {
    actions.reduce(into: PartitionSet()) { set, action in
      if case .report(.lost(let partitions, _)) = action { set.formUnion(partitions) }
    }
  }

  private func pauses(_ actions: [DatabaseLinkCore.Action]) -> [Int64] {
    actions.compactMap { if case .redial(let pause) = $0 { pause } else { nil } }
  }

  @Test("it dials once the database is known, once at a time, and after failures with growing pauses")
  func dialling() {
    var loop = Loop()
    let first = loop.feed(.located(Self.node))
    #expect(first.contains { if case .dial(Self.node) = $0 { true } else { false } })
    #expect(loop.feed(.located(Self.node)).isEmpty)
    #expect(loop.feed(.redialDue).isEmpty, "it is dialling")
    var seen: [Int64] = []
    for _ in 0..<8 {
      seen += pauses(loop.feed(.dialFailed))
      _ = loop.feed(.redialDue)
    }
    #expect(seen.count == 8 && seen == seen.sorted() && seen[0] < seen[3])
    #expect(seen[7] == 2_000)
  }

  @Test("a grant that comes without a session is shown by the next, and given back when there is none")
  func queued() {
    var loop = Loop()
    _ = loop.feed(.granted(Self.answer, [Self.partition]))
    let shown = loop.feed(.sessionOpened)
    #expect(shown.contains { if case .send(.open) = $0 { true } else { false } })
    var other = Loop()
    _ = other.feed(.granted(Self.answer, [Self.partition]))
    #expect(lost(other.feed(.dialFailed)) == [Self.partition])
  }

  @Test(
    "the newest receipt of the database is what a session begins with, whatever an older store gives meanwhile"
  )
  func receipts() {
    func receipt(_ commit: UInt64, of identity: UInt64 = 1) -> StoreReceipt {
      let mark = StoreMark(identity: StoreIdentity(high: 0, low: identity), commit: commit)
      return StoreReceipt(mark: mark, tag: [UInt8(commit)])
    }
    func remembered(_ loop: inout Loop) -> DatabaseLinkCore.Action? {
      _ = loop.feed(.sessionClosed)
      _ = loop.feed(.granted(Self.answer, [Self.partition]))
      return loop.feed(.sessionOpened).first { if case .send = $0 { true } else { false } }
    }
    func isSent(_ action: DatabaseLinkCore.Action?, _ expected: StoreReceipt) -> Bool {
      if case .send(.remember(expected)) = action { true } else { false }
    }
    var loop = Loop.serving()
    for commit in [3, 5, 4] as [UInt64] { _ = loop.feed(.answered(.receipt(receipt(commit)))) }
    #expect(isSent(remembered(&loop), receipt(5)), "before the grant is shown")
    #expect(isSent(remembered(&loop), receipt(5)), "also on a session on which none came")
    _ = loop.feed(.answered(.receipt(receipt(2, of: 9))))
    #expect(isSent(remembered(&loop), receipt(2, of: 9)))
  }

  @Test("one append is under way at a time; a lost session's goes out again on the next")
  func lostSession() {
    var loop = Loop.serving()
    loop.put()
    #expect(appends(loop.feed(.pumped)).values.sorted() == [1])
    #expect(loop.feed(.pumped).isEmpty)
    _ = loop.feed(.sessionClosed)
    #expect(loop.feed(.pumped).isEmpty)
    #expect(appends(loop.feed(.sessionOpened)).values.sorted() == [1])
  }

  @Test("what a lost session was opening is given back")
  func lostOpening() {
    var loop = Loop()
    _ = loop.feed(.located(Self.node))
    _ = loop.feed(.sessionOpened)
    _ = loop.feed(.granted(Self.answer, [Self.partition]))
    #expect(lost(loop.feed(.sessionClosed)) == [Self.partition])
  }

  @Test("a failed append is tried again later, but not beside the one of a new session")
  func failedAppend() {
    var loop = Loop.serving()
    loop.put()
    let number = appends(loop.feed(.pumped)).keys.first!
    let failed = loop.feed(.answered(.appendFailed(number: number, reason: "full")))
    #expect(failed.contains { if case .retry = $0 { true } else { false } })
    #expect(loop.link.complaint == "full")
    #expect(appends(loop.feed(.readCompleted)).isEmpty, "before its time")
    #expect(appends(loop.feed(.retryDue)).count == 1)

    var other = Loop.serving()
    other.put()
    let first = appends(other.feed(.pumped)).keys.first!
    _ = other.feed(.answered(.appendFailed(number: first, reason: "full")))
    _ = other.feed(.sessionClosed)
    #expect(appends(other.feed(.sessionOpened)).count == 1)
    #expect(other.feed(.retryDue).isEmpty, "the retry is void")
  }
}
