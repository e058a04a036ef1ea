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
    case .read(let request):
      execute(request.number, request.key, mode, session) { state in state.values[[UInt8](request.key)] }
    case .write(let request):
      guard request.kind == .compareAndPut else { return change(request, mode, session) }
      let value = cluster.state.withLock { $0.values[[UInt8](request.key)] }
      if value == request.expected.map({ [UInt8]($0) }) {
        change(request, mode, session)
      } else {
        write(.done(number: request.number, .compared(matched: false)), session)
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

  private func change(_ request: WriteRequest, _ mode: FakeCluster.Mode, _ session: Session) {
    let key = [UInt8](request.key)
    if client.isEmpty { return write(.failed(number: request.number, .notIntroduced), session) }
    if refuses(request.number, request.key, mode, session) { return }
    let outcome = cluster.state.withLock { state -> Outcome in
      if request.isRetry { state.retries += 1 }
      if let outcome = state.outcomes["\(client)/\(request.write)"] { return outcome }
      let outcome: Outcome =
        request.kind == .compareAndPut
        ? .compared(matched: true) : .written(existed: state.values[key] != nil)
      state.values[key] = request.value.map { [UInt8]($0) }
      state.outcomes["\(client)/\(request.write)"] = outcome
      state.executed += 1
      return outcome
    }
    if mode == .dropsAfterWrite {
      cluster.set(.normal, of: index)
      session.discardGathered()
      return session.close(.shuttingDown)
    }
    write(.done(number: request.number, outcome), session)
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
