import Kerberos
import NIOCore
import Sessions
import Testing
import Transport

/// A node with a mesh and a listener, as the cluster's nodes are.
private struct Node {
  let principal: String
  let mesh: PeerMesh
  let listener: SessionListener
  let journal: Journal<PeerMeshEvent>

  static func start(
    _ name: String, answers: Bool = false, change: (inout PeerMesh.Configuration) -> Void = { _ in }
  ) async throws -> Node {
    let realm = try TestRealm.shared
    let (acceptor, initiator) = (try realm.acceptor(name), try realm.initiator(name))
    let loop = TestService.group.next()
    let journal = Journal<PeerMeshEvent>()
    var configuration = PeerMesh.Configuration(
      dialer: TestService.dialer(), logger: TestService.logger, credential: { _ in initiator })
    configuration.bounds.firstPause = .milliseconds(5)
    change(&configuration)
    let answering = Answering()
    let mesh = await PeerMesh.make(on: loop, configuration) { event in
      journal.append(event)
      if answers, case .received(let session, let bytes) = event { answering.answer(bytes, to: session) }
    }
    answering.set(mesh)
    let listener = try await SessionListener.bind(
      to: NodeAddress(host: "127.0.0.1", port: 0), group: TestService.group,
      configuration: SessionListener.Configuration(
        cluster: "demo",
        services: [SessionListener.Service(principal: realm.principal(name)) { acceptor }],
        logger: TestService.logger, describe: { TestService.description(realm, name) }),
      handler: mesh.acceptingHandler)
    return Node(principal: realm.principal(name), mesh: mesh, listener: listener, journal: journal)
  }

  func knows(_ other: Node) {
    mesh.setAddress(other.listener.address, of: other.principal)
  }

  @discardableResult
  func received(_ bytes: [UInt8]) async throws -> PeerSession? {
    // One record may carry several messages.
    let event = try await journal.first { event in
      guard case .received(_, let received) = event else { return false }
      return received.contains(bytes)
    }
    guard case .received(let session, _) = event else { return nil }
    return session
  }

  func count(_ matches: (PeerMeshEvent) -> Bool) -> Int { journal.events.filter(matches).count }
  var opened: Int { count { if case .opened = $0 { true } else { false } } }

  func stop() async {
    mesh.shutDown()
    await listener.close()
  }
}

extension PeerMeshEvent {
  fileprivate var isClosed: Bool { if case .closed = self { true } else { false } }
  fileprivate var isUnreachable: Bool { if case .unreachable = self { true } else { false } }
}

@Suite("The mesh of peers", .timeLimit(.minutes(2)))
struct PeerMeshTests {
  private let one = TestClient.message(1)
  private let two = TestClient.message(2)
  private let three = TestClient.message(3)

  @Test("a message opens a session, and the answer comes back on it")
  func requestAndAnswer() async throws {
    let (a, b) = (
      try await Node.start("keyval-drone/d1"), try await Node.start("keyval-drone/d2", answers: true)
    )
    a.knows(b)
    a.mesh.send(one, to: b.principal)
    let inbound = try await b.received(one)
    #expect(inbound?.peer == a.principal)
    #expect(inbound?.service == b.principal)
    #expect(inbound?.isInbound == true)
    let outbound = try await a.received(one)
    #expect(outbound?.peer == b.principal)
    #expect(outbound?.isInbound == false)
    await a.stop()
    await b.stop()
  }

  @Test("a session that the peer dialled serves the other way too")
  func reuse() async throws {
    let (a, b) = (try await Node.start("keyval-drone/d1"), try await Node.start("keyval-drone/d2"))
    a.knows(b)
    a.mesh.send(one, to: b.principal)
    try await b.received(one)
    // b knows no address of a.
    b.mesh.send(two, to: a.principal)
    try await a.received(two)
    #expect(a.opened == 1 && b.opened == 1)
    await a.stop()
    await b.stop()
  }

  @Test("many messages before the session stands share one dial, in order")
  func oneDial() async throws {
    let (a, b) = (try await Node.start("keyval-drone/d1"), try await Node.start("keyval-drone/d2"))
    a.knows(b)
    let messages = (0..<50).map { TestClient.message($0) }
    for message in messages { a.mesh.send(message, to: b.principal) }
    try await b.received(messages[49])
    let received = b.journal.events.flatMap { event -> [UInt8] in
      if case .received(_, let bytes) = event { bytes } else { [] }
    }
    #expect(received == messages.flatMap { $0 })
    #expect(a.opened == 1)
    await a.stop()
    await b.stop()
  }

  @Test("a principal without an address is unreachable, and reachable once it has one")
  func unknownAddress() async throws {
    let (a, b) = (try await Node.start("keyval-drone/d1"), try await Node.start("keyval-drone/d2"))
    a.mesh.send(one, to: b.principal)
    let event = try await a.journal.first(\.isUnreachable)
    guard case .unreachable(b.principal, .unknownAddress) = event else {
      Issue.record("\(event)")
      return
    }
    a.knows(b)
    a.mesh.send(two, to: b.principal)
    try await b.received(two)
    await a.stop()
    await b.stop()
  }

  @Test("a message that waits is delivered when the peer comes back, over a new session")
  func reconnect() async throws {
    let (a, b) = (try await Node.start("keyval-drone/d1"), try await Node.start("keyval-drone/d2"))
    a.knows(b)
    a.mesh.send(one, to: b.principal)
    try await b.received(one)
    b.mesh.close(peer: a.principal)
    try await a.journal.first(\.isClosed)
    a.mesh.send(two, to: b.principal)
    try await b.received(two)
    #expect(a.opened == 2)
    await b.stop()
    a.mesh.close(peer: b.principal)
    // Nobody listens there any more: attempts fail and go on, until the address is the right one.
    a.mesh.send(three, to: b.principal)
    try await a.journal.first(\.isUnreachable)
    let c = try await Node.start("keyval-drone/d2")
    a.knows(c)
    a.mesh.send(three, to: c.principal)
    try await c.received(three)
    await a.stop()
    await c.stop()
  }

  @Test("of several addresses the next is tried when nobody listens at one, and after the last the first")
  func severalAddresses() async throws {
    let a = try await Node.start("keyval-drone/d1")
    let gone = try await Node.start("keyval-drone/d2")
    await gone.stop()
    let b = try await Node.start("keyval-drone/d2")
    let addresses = [gone.listener.address, b.listener.address]
    a.mesh.setAddresses(addresses, of: b.principal)
    a.mesh.send(one, to: b.principal)
    try await b.received(one)
    #expect(a.count(\.isUnreachable) == 1)
    // And when that one ends, another process may have come at the first.
    await b.stop()
    a.mesh.close(peer: b.principal)
    let c = try await Node.start("keyval-drone/d2")
    a.mesh.setAddresses([c.listener.address, b.listener.address], of: b.principal)
    a.mesh.send(two, to: b.principal)
    try await c.received(two)
    await a.stop()
    await c.stop()
  }

  @Test("beside a session that is silent the next address is tried, and what answers there is talked to")
  func silentSession() async throws {
    let a = try await Node.start("keyval-drone/d1") { $0.bounds.silence = .milliseconds(500) }
    // As if it hung: the session stands, and nothing comes.
    let hung = try await Node.start("keyval-drone/d2")
    let b = try await Node.start("keyval-drone/d2", answers: true)
    a.mesh.setAddresses([hung.listener.address, b.listener.address], of: b.principal)
    a.mesh.send(one, to: b.principal)
    try await hung.received(one)
    while b.opened == 0 {
      a.mesh.send(two, to: b.principal)
      try await Task.sleep(for: .milliseconds(20))
    }
    a.mesh.send(three, to: b.principal)
    try await b.received(three)
    try await a.received(three)
    #expect(a.count(\.isClosed) == 0, "the silent one may come back")
    // One that answers is left alone, however long it goes on.
    let opened = a.opened
    func isReceived(_ event: PeerMeshEvent) -> Bool { if case .received = event { true } else { false } }
    for _ in 0..<60 {
      let answers = a.count(isReceived)
      a.mesh.send(one, to: b.principal)
      while a.count(isReceived) == answers { try await Task.sleep(for: .milliseconds(1)) }
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(a.opened == opened)
    await a.stop()
    await hung.stop()
    await b.stop()
  }

  @Test("what waits is bounded, and the oldest goes first")
  func boundedQueue() async throws {
    let a = try await Node.start("keyval-drone/d1") { $0.bounds.queuedMessages = 3 }
    let b = try await Node.start("keyval-drone/d2")
    // Not a step of the dial is taken before all are queued, since the mesh's loop is busy with this.
    let messages = (0..<10).map { TestClient.message($0) }
    let address = b.listener.address
    let (mesh, principal) = (a.mesh, b.principal)
    try await mesh.eventLoop.submit {
      mesh.setAddress(address, of: principal)
      for message in messages { mesh.send(message, to: principal) }
    }.get()
    try await b.received(messages[9])
    let received = b.journal.events.flatMap { event -> [UInt8] in
      if case .received(_, let bytes) = event { bytes } else { [] }
    }
    #expect(received == messages.suffix(3).flatMap { $0 })
    await a.stop()
    await b.stop()
  }

  @Test("a peer that is not accepted is refused after it proved who it is")
  func notAccepted() async throws {
    let realm = try TestRealm.shared
    let unwanted = realm.principal("keyval-drone/d1")
    let a = try await Node.start("keyval-drone/d1")
    let b = try await Node.start("keyval-drone/d2") { $0.accepts = { $0.peer != unwanted } }
    a.knows(b)
    a.mesh.send(one, to: b.principal)
    let event = try await a.journal.first(\.isClosed)
    guard case .closed(_, .closedByPeer(.notAuthorized)) = event else {
      Issue.record("\(event)")
      return
    }
    #expect(b.opened == 0)
    await a.stop()
    await b.stop()
  }

  @Test("a session that asks for renewal is replaced by a new one")
  func renewal() async throws {
    let a = try await Node.start("keyval-drone/d1") { $0.dialer.limits.renewalTime = .milliseconds(100) }
    let b = try await Node.start("keyval-drone/d2")
    a.knows(b)
    a.mesh.send(one, to: b.principal)
    let event = try await b.journal.first(\.isClosed)
    guard case .closed(_, .closedByPeer(.replaced)) = event else {
      Issue.record("\(event)")
      return
    }
    a.mesh.send(two, to: b.principal)
    try await b.received(two)
    #expect(a.count(\.isUnreachable) == 0)
    await a.stop()
    await b.stop()
  }

  @Test("one session may be closed by its number")
  func closeSession() async throws {
    let (a, b) = (try await Node.start("keyval-drone/d1"), try await Node.start("keyval-drone/d2"))
    a.knows(b)
    a.mesh.send(one, to: b.principal)
    let session = try await b.received(one)
    b.mesh.send(two, toSession: session?.id ?? 0)
    try await a.received(two)
    b.mesh.close(session: session?.id ?? 0, .notAuthorized)
    let event = try await a.journal.first(\.isClosed)
    guard case .closed(_, .closedByPeer(.notAuthorized)) = event else {
      Issue.record("\(event)")
      return
    }
    await a.stop()
    await b.stop()
  }
}

/// Sends everything back, once it knows by what.
private final class Answering: Sendable {
  private let mesh = Journal<PeerMesh>()
  func set(_ mesh: PeerMesh) { self.mesh.append(mesh) }
  func answer(_ bytes: [UInt8], to session: PeerSession) {
    mesh.events.first?.send(bytes, toSession: session.id)
  }
}
