import Cluster
import Kerberos
import NIOCore
import Sessions
import Synchronization
import Transport
import Wire

/// A node of the control plane that the test plays.
final class Peer: Sendable {
  enum Event: Sendable {
    case message(ControlMessage)
    case closed(SessionError?)
    case unreachable(TransportError)
  }

  let mesh: PeerMesh
  let events: Inbox<Event>
  private let lives = Mutex<Set<Incarnation>>([])

  private init(mesh: PeerMesh, events: Inbox<Event>) {
    self.mesh = mesh
    self.events = events
  }

  static func make(
    on loop: any EventLoop,
    credential: @escaping @Sendable (String) throws(KerberosError) -> InitiatorCredential
  ) async throws -> Peer {
    let events = Inbox<Event>()
    let configuration = PeerMesh.Configuration(
      dialer: SessionDialer(cluster: DatabaseFixture.cluster), logger: quietLogger, credential: credential)
    let own = OwnMesh()
    let mesh = await PeerMesh.make(on: loop, configuration) { event in
      switch event {
      case .received(let session, let bytes):
        for message in (try? ControlMessage.sequence(bytes)) ?? [] {
          if case .storeReport(let report) = message { own.accept(report, of: session.peer) }
          events.put(.message(message))
        }
      case .closed(_, let error): events.put(.closed(error))
      case .unreachable(_, let error): events.put(.unreachable(error))
      case .opened: break
      }
    }
    own.mesh.withLock { $0 = mesh }
    return Peer(mesh: mesh, events: events)
  }

  /// As the authority, it accepts whatever store a database has.
  private final class OwnMesh: Sendable {
    let mesh = Mutex<PeerMesh?>(nil)

    func accept(_ report: StoreReport, of database: String) {
      let verdict = StoreVerdict(incarnation: report.incarnation, mark: report.mark, known: nil)
      mesh.withLock { $0 }?.send(ControlMessage.storeVerdict(verdict).encoded(), to: database)
    }
  }

  func send(_ message: ControlMessage, to principal: String) { mesh.send(message.encoded(), to: principal) }

  func take(where wants: @escaping @Sendable (ControlMessage) -> Bool) async throws -> ControlMessage {
    let event = try await events.take { if case .message(let message) = $0 { wants(message) } else { false } }
    guard case .message(let message) = event else { throw Inbox<Event>.Closed() }
    return message
  }

  /// The first word of a database in another life than those that were heard of before.
  func register() async throws -> Register {
    let known = lives.withLock { $0 }
    let message = try await take {
      if case .register(let register) = $0 { !known.contains(register.incarnation) } else { false }
    }
    guard case .register(let register) = message else { throw Inbox<Event>.Closed() }
    lives.withLock { _ = $0.insert(register.incarnation) }
    return register
  }

  /// Until the database says that it knows the list of members: before, it lets no drone in.
  func admission(_ registered: Register) async throws {
    guard registered.membership == 0 else { return }
    _ = try await take {
      guard case .register(let register) = $0 else { return false }
      return register.incarnation == registered.incarnation && register.membership > 0
    }
  }

  func unreachable() async throws -> TransportError {
    let event = try await events.take { if case .unreachable = $0 { true } else { false } }
    guard case .unreachable(let error) = event else { throw Inbox<Event>.Closed() }
    return error
  }

  func closed() async throws -> SessionError? {
    let event = try await events.take { if case .closed = $0 { true } else { false } }
    guard case .closed(let error) = event else { throw Inbox<Event>.Closed() }
    return error
  }
}

/// A drone's end of a data session.
final class DroneClient: Sendable {
  enum Event: Sendable {
    case answer(StoreAnswer)
    case closed(SessionError?)
  }

  let events: Inbox<Event>
  private let session: SessionReference?

  init() {
    events = Inbox()
    session = nil
  }

  private init(_ events: Inbox<Event>, _ session: SessionReference) {
    self.events = events
    self.session = session
  }

  func with(_ session: SessionReference) -> DroneClient { DroneClient(events, session) }

  final class Handler: SessionHandler {
    private let client: DroneClient
    init(_ client: DroneClient) { self.client = client }

    func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
      var reader = CBORReader(messages)
      while !reader.isAtEnd, let answer = try? StoreAnswer(from: &reader) {
        client.events.put(.answer(answer))
      }
    }

    func closed(_ session: Session, error: SessionError?) { client.events.put(.closed(error)) }
  }

  func send(_ request: StoreRequest) { send(bytes: request.encoded()) }

  func send(bytes: [UInt8]) {
    session?.execute { session in
      try? session.write(messages: bytes)
      session.flush()
    }
  }

  /// Stops reading what the database sends.
  func pauseReading() { session?.execute { $0.pauseReading() } }
  func resumeReading() { session?.execute { $0.resumeReading() } }
  func close() { session?.close() }

  /// The next answer that is no receipt.
  func answer() async throws -> StoreAnswer {
    while true {
      let event = try await events.take { if case .answer = $0 { true } else { false } }
      guard case .answer(let answer) = event else { throw Inbox<Event>.Closed() }
      if case .receipt = answer { continue }
      return answer
    }
  }

  func closed() async throws -> SessionError? {
    let event = try await events.take { if case .closed = $0 { true } else { false } }
    guard case .closed(let error) = event else { throw Inbox<Event>.Closed() }
    return error
  }

  /// Opens partitions and takes everything that comes of it.
  func open(
    _ partitions: PartitionSet, _ grant: SealedGrant, number: UInt64 = 1
  ) async throws -> (entries: [StoredEntry], sequences: [UInt64], refused: [String]) {
    send(.open(number: number, grant: grant, partitions: partitions))
    var rest = partitions
    var result: (entries: [StoredEntry], sequences: [UInt64], refused: [String]) = ([], [], [])
    while !rest.isEmpty {
      switch try await answer() {
      case .contents(number, _, let entries): result.entries += entries
      case .opened(number, let partition, let sequence, _, _):
        result.sequences.append(sequence)
        rest.remove(partition)
      case .openRefused(number, let partitions, _, let reason):
        result.refused.append(reason)
        rest.subtract(partitions)
      default: break
      }
    }
    return result
  }

  func append(_ batches: PartitionBatch..., number: UInt64 = 1) async throws -> StoreAnswer {
    send(.append(number: number, batches: batches))
    return try await answer()
  }
}
