import NIOCore
import Sessions
import Testing

@testable import Transport

@Suite("Who waits for a handshake")
struct ConnectionCensusTests {
  private static func census(total: Int = 8, perSource: Int = 4, members: Int = 2) -> ConnectionCensus {
    var limits = SessionLimits()
    limits.unauthenticatedConnections = total
    limits.unauthenticatedConnectionsPerSource = perSource
    limits.unauthenticatedMemberConnections = members
    return ConnectionCensus(limits)
  }

  @Test("a newcomer displaces the oldest of its own address that has said nothing")
  func ownAddress() {
    var census = Self.census()
    for id in 1...4 as ClosedRange<UInt64> {
      #expect(census.enter(id, from: .host(1), isMember: false) == nil)
    }
    census.speak(1)
    #expect(census.enter(5, from: .host(1), isMember: false) == 2)
    #expect(census.enter(6, from: .host(1), isMember: false) == 3)
    #expect(census.count == 4)
    // Another address has places.
    #expect(census.enter(7, from: .host(2), isMember: false) == nil)
  }

  @Test("when all places are taken, the address that has most gives one up")
  func largestAddress() {
    var census = Self.census(total: 6, perSource: 4)
    for id in 1...4 as ClosedRange<UInt64> { _ = census.enter(id, from: .host(1), isMember: false) }
    for id in 5...6 as ClosedRange<UInt64> { _ = census.enter(id, from: .host(2), isMember: false) }
    #expect(census.enter(7, from: .host(3), isMember: false) == 1)
    #expect(census.enter(8, from: .host(4), isMember: false) == 2)
    // Of equal ones, the one whose oldest connection is the oldest.
    #expect(census.enter(9, from: .host(5), isMember: false) == 3)
    #expect(census.count == 6)
  }

  @Test("those who have spoken do not keep newcomers from speaking")
  func spoken() {
    var census = Self.census(total: 8, perSource: 4)
    for id in 1...4 as ClosedRange<UInt64> {
      _ = census.enter(id, from: .host(1), isMember: false)
      census.speak(id)
    }
    #expect(census.enter(5, from: .host(1), isMember: false) == 1)
    // Three have spoken and one has not yet: the newest stays.
    #expect(census.enter(6, from: .host(1), isMember: false) == 2)
    #expect(census.enter(7, from: .host(1), isMember: false) == 5)
  }

  @Test("strangers take no place of members, nor members one of strangers")
  func members() {
    var census = Self.census(total: 2, perSource: 4, members: 2)
    #expect(census.enter(1, from: .host(1), isMember: true) == nil)
    for id in 2...9 as ClosedRange<UInt64> {
      #expect(census.enter(id, from: .host(id.low), isMember: false) != 1)
    }
    #expect(census.enter(10, from: .host(1), isMember: true) == nil)
    #expect(census.enter(11, from: .host(1), isMember: true) == 1)
    #expect(census.count == 4)
  }

  @Test("who has left is counted out once")
  func leaving() {
    var census = Self.census()
    _ = census.enter(1, from: .host(1), isMember: false)
    _ = census.enter(2, from: .host(1), isMember: false)
    census.leave(1)
    census.leave(1)
    census.leave(77)
    #expect(census.count == 1)
    #expect(census.makeRoom() == 2)
    #expect(census.makeRoom() == nil)
  }

  @Test("an address is one source however it is written, and an IPv6 network is one")
  func sources() throws {
    func source(_ text: String) throws -> Source { Source(try SocketAddress(ipAddress: text, port: 1)) }
    #expect(try source("192.0.2.7") == source("::ffff:192.0.2.7"))
    #expect(try source("192.0.2.7") != source("192.0.2.8"))
    #expect(try source("2001:db8:1:2::7") == source("2001:db8:1:2:3:4:5:6"))
    #expect(try source("2001:db8:1:2::7") != source("2001:db8:1:3::7"))
  }
}

@Suite("Whose turn it is")
struct FairQueueTests {
  private static func queue(_ limit: Int = 100, perKey: Int = 100) -> FairQueue<String, Int> {
    FairQueue(limit: limit, limitPerKey: perKey)
  }

  @Test("many jobs of one address wait for each other, and for nobody else")
  func turns() {
    var queue = Self.queue()
    for job in 0..<50 { _ = queue.add(job, of: "flood", isMember: false) }
    _ = queue.add(100, of: "honest", isMember: false)
    #expect([queue.next(), queue.next(), queue.next()] == [49, 100, 48])
    #expect(queue.count == 48)
  }

  @Test("of one address the newest goes first, and the oldest has to go when too many wait")
  func newestFirst() {
    var queue = Self.queue(perKey: 3)
    for job in 0..<3 { #expect(queue.add(job, of: "a", isMember: false) == nil) }
    #expect(queue.add(3, of: "a", isMember: false) == 0)
    #expect(queue.add(4, of: "b", isMember: false) == nil)
    #expect([queue.next(), queue.next(), queue.next(), queue.next(), queue.next()] == [3, 4, 2, 1, nil])
  }

  @Test("when too many wait in all, the address that has most gives one up")
  func largest() {
    var queue = Self.queue(4, perKey: 3)
    for job in 0..<3 { _ = queue.add(job, of: "a", isMember: false) }
    _ = queue.add(3, of: "b", isMember: false)
    #expect(queue.add(4, of: "c", isMember: false) == 0)
    #expect(queue.count == 4)
  }

  @Test("of four turns members have three, and nobody starves")
  func members() {
    var queue = Self.queue()
    for job in 0..<6 {
      _ = queue.add(job, of: "member", isMember: true)
      _ = queue.add(100 + job, of: "stranger", isMember: false)
    }
    #expect((0..<8).map { _ in queue.next() } == [5, 4, 3, 105, 2, 1, 0, 104])
    #expect((0..<5).map { _ in queue.next() } == [103, 102, 101, 100, nil])
  }
}

@Suite("Which sessions stay")
struct SessionCensusTests {
  private static func census() -> SessionCensus {
    var limits = SessionLimits()
    (limits.sessionsPerPrincipal, limits.sessionsPerSource, limits.sessions) = (4, 6, 8)
    (limits.sessionsPerNode, limits.nodeSessions) = (2, 3)
    return SessionCensus(limits)
  }

  private static func client(_ name: String, _ host: UInt32 = 1) -> SessionCensus.Holder {
    SessionCensus.Holder(principal: name, source: .host(host), isNode: false)
  }

  private static func node(_ name: String) -> SessionCensus.Holder {
    SessionCensus.Holder(principal: name, source: .host(1), isNode: true)
  }

  @Test("one more of a principal is refused, whatever address it comes from")
  func principal() {
    var census = Self.census()
    for id in 1...4 as ClosedRange<UInt64> {
      #expect(census.enter(id, Self.client("m", id.low)) == .admitted)
    }
    #expect(census.enter(5, Self.client("m", 9)) == .refused(.ofPrincipal))
    census.leave(2)
    #expect(census.enter(6, Self.client("m", 9)) == .admitted)
    #expect(census.count == 4)
  }

  @Test("at an address that is full, the principal that has most gives its newest up for one that has fewer")
  func address() {
    var census = Self.census()
    for id in 1...4 as ClosedRange<UInt64> { _ = census.enter(id, Self.client("m")) }
    for id in 5...6 as ClosedRange<UInt64> { _ = census.enter(id, Self.client("n")) }
    #expect(census.enter(7, Self.client("alice")) == .displaces(4, .fromAddress))
    // Three, two and one: one more of the two would only change places.
    #expect(census.enter(8, Self.client("n")) == .refused(.fromAddress))
    #expect(census.enter(9, Self.client("alice")) == .displaces(3, .fromAddress))
    // Another address has places.
    #expect(census.enter(10, Self.client("alice", 2)) == .admitted)
    #expect(census.count == 7)
  }

  @Test("when all places are taken, the same")
  func all() {
    var census = Self.census()
    for id in 1...4 as ClosedRange<UInt64> { _ = census.enter(id, Self.client("m", id.low)) }
    for id in 5...8 as ClosedRange<UInt64> { _ = census.enter(id, Self.client("n", id.low)) }
    #expect(census.enter(9, Self.client("alice", 9)) == .displaces(8, .inAll))
    #expect(census.count == 8)
  }

  @Test("clients take no place of nodes, and a stolen keytab takes its own node's places only")
  func nodes() {
    var census = Self.census()
    for id in 1...8 as ClosedRange<UInt64> { _ = census.enter(id, Self.client("c\(id)", id.low)) }
    #expect(census.enter(11, Self.node("d1")) == .admitted)
    #expect(census.enter(12, Self.node("d1")) == .admitted)
    #expect(census.enter(13, Self.node("d1")) == .refused(.ofPrincipal))
    #expect(census.enter(14, Self.node("d2")) == .admitted)
    #expect(census.enter(15, Self.node("d3")) == .displaces(12, .inAll))
  }
}

@Suite("Who holds too much")
struct HeldBytesTests {
  @Test("of the clients, the session that holds most goes")
  func clients() {
    var census = HeldBytesCensus(limit: 100)
    #expect(census.set(40, of: 1, isNode: false) == nil)
    #expect(census.set(20, of: 2, isNode: false) == nil)
    #expect(census.set(35, of: 3, isNode: true) == nil)
    #expect(census.set(30, of: 4, isNode: false) == 1)
    #expect(census.total == 85)
    #expect(census.set(0, of: 4, isNode: false) == nil)
    census.remove(3)
    #expect(census.total == 20)
  }

  @Test("a node's session goes only when the clients have less than half")
  func nodes() {
    var census = HeldBytesCensus(limit: 100)
    #expect(census.set(60, of: 1, isNode: true) == nil)
    #expect(census.set(51, of: 2, isNode: false) == 2)
    #expect(census.set(50, of: 3, isNode: false) == 1)
    #expect(census.set(60, of: 4, isNode: true) == 4)
  }
}

extension UInt64 {
  fileprivate var low: UInt32 { UInt32(truncatingIfNeeded: self) }
}
