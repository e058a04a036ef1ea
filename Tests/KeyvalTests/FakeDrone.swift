import Cluster
import Sessions
import Transport
import Wire

/// One session of a fake drone.
final class FakeDrone: SessionHandler {
  private let cluster: FakeCluster
  private let index: Int
  private var client = ""

  init(cluster: FakeCluster, index: Int) {
    self.cluster = cluster
    self.index = index
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    cluster.state.withLock { $0.records += 1 }
    var reader = CBORReader(messages)
    while !reader.isAtEnd {
      guard let request = try? DataRequest(from: &reader) else { return session.close() }
      answer(request, on: session)
    }
  }

  func closed(_ session: Session, error: SessionError?) {}

  private func answer(_ request: DataRequest, on session: Session) {
    let mode = cluster.state.withLock { state -> FakeCluster.Mode in
      state.requests += 1
      if case .busy(let count) = state.modes[index] ?? .normal {
        state.modes[index] = count > 1 ? .busy(count - 1) : .normal
      }
      return state.modes[index] ?? .normal
    }
    if mode == .silent { return }
    switch request {
    case .unreachable: break
    case .introduce(_, let client): self.client = "\(client.high)-\(client.low)"
    case .topology(let number):
      guard let map = try? cluster.state.withLock({ try cluster.signedMap($0) }) else {
        return session.close()
      }
      write(.topology(number: number, map), session)
    case .status(let number): status(number, session)
    case .get(let number, let key):
      execute(number, key, mode, session) { state in state.values[[UInt8](key)] }
    case .put(let number, let write, let retry, _, let key, let value):
      change(number, write, retry, key, [UInt8](value), mode, session)
    case .delete(let number, let write, let retry, _, let key):
      change(number, write, retry, key, nil, mode, session)
    case .compareAndPut(let number, let write, let retry, _, let key, let expected, let value):
      let matched = cluster.state.withLock { $0.values[[UInt8](key)] } == expected.map { [UInt8]($0) }
      if matched {
        change(number, write, retry, key, [UInt8](value), mode, session, answer: true)
      } else {
        self.write(.done(number: number, existed: false), session)
      }
    case .administer(let number, _, let name):
      let reply = AdministratorReply(isAccepted: false, sentence: "\(name) is not to be had")
      write(.administered(number: number, reply), session)
    case .sessions(let number, .list(let last)):
      // Two pages of one each.
      let shown = OpenSession(
        id: last + 1, principal: cluster.principals[index], address: "127.0.0.1:\(index + 1)", isNode: true,
        since: 0, requests: 0, unsentBytes: 0)
      write(.sessions(number: number, SessionPage(sessions: [shown], hasMore: last == 0)), session)
    case .sessions(let number, _):
      let reply = AdministratorReply(isAccepted: true, sentence: "ended by drone \(index)")
      write(.administered(number: number, reply), session)
    }
  }

  private func execute(
    _ number: UInt64, _ key: UnsafeRawBufferPointer, _ mode: FakeCluster.Mode, _ session: Session,
    _ read: (borrowing FakeCluster.State) -> [UInt8]?
  ) {
    if refuses(number, key, mode, session) { return }
    let value = cluster.state.withLock { read($0) }
    guard let value else { return write(.notFound(number: number), session) }
    value.withUnsafeBytes { write(.value(number: number, $0), session) }
  }

  private func change(
    _ number: UInt64, _ write: UInt64, _ retry: Bool, _ key: UnsafeRawBufferPointer, _ value: [UInt8]?,
    _ mode: FakeCluster.Mode, _ session: Session, answer: Bool? = nil
  ) {
    if client.isEmpty { return self.write(.failed(number: number, .notIntroduced), session) }
    if refuses(number, key, mode, session) { return }
    let existed = cluster.state.withLock { state -> Bool in
      if retry { state.retries += 1 }
      if let outcome = state.outcomes["\(client)/\(write)"] { return outcome }
      let existed = answer ?? (state.values[[UInt8](key)] != nil)
      state.values[[UInt8](key)] = value
      state.outcomes["\(client)/\(write)"] = existed
      state.executed += 1
      return existed
    }
    if mode == .dropsAfterWrite {
      cluster.set(.normal, of: index)
      session.discardGathered()
      return session.close(.shuttingDown)
    }
    self.write(.done(number: number, existed: existed), session)
  }

  /// Not the owner, or busy.
  private func refuses(
    _ number: UInt64, _ key: UnsafeRawBufferPointer, _ mode: FakeCluster.Mode, _ session: Session
  ) -> Bool {
    let partition = Slot(key: key).partition
    let (owner, term, version) = cluster.state.withLock { ($0.owners[partition.index], $0.term, $0.version) }
    if owner != index {
      write(.moved(number: number, term: Term(term), version: version), session)
      return true
    }
    if case .busy = mode {
      write(.unavailable(number: number, .busy), session)
      return true
    }
    return false
  }

  private func status(_ number: UInt64, _ session: Session) {
    let (isCommander, term, version) = cluster.state.withLock { state in
      (state.commander == index && !state.refusesStatus, state.term, state.version)
    }
    guard isCommander else { return write(.failed(number: number, .notCommander), session) }
    let status = ClusterStatus(
      cluster: cluster.name, term: Term(term), commander: cluster.principals[index], mapVersion: version,
      slotsServed: 16_384, drones: [], databases: [], authorities: [])
    write(.status(number: number, status), session)
  }

  private func write(_ answer: DataAnswer, _ session: Session) {
    try? session.write { answer.encode(into: &$0) }
  }
}
