import Cluster
import Kerberos
import NIOCore
import NIOPosix
import Sessions
import Synchronization
import Transport
import Wire

/// A session that an attacker has opened with his own ticket, and what comes of it.
final class Probe: Sendable {
  private struct State {
    var records: [[UInt8]] = []
    var end: SessionError?
    var isOver = false
  }

  struct NothingCame: Error { let awaited: String }

  private let state = Mutex(State())
  private let reference = Mutex<SessionReference?>(nil)
  static let group = MultiThreadedEventLoopGroup.singleton

  static func dial(_ node: Target.Node, _ credential: InitiatorCredential) async throws -> Probe {
    try await dial(node.principal, at: node.address, credential)
  }

  static func dial(
    _ service: String, at address: NodeAddress, cluster: String = "test", _ credential: InitiatorCredential
  ) async throws -> Probe {
    let probe = Probe()
    let session = try await SessionDialer(cluster: cluster).dial(
      service, at: address, on: group.next(), credential: { credential },
      handler: { _, _ in Handler(probe) })
    probe.reference.withLock { $0 = session }
    return probe
  }

  private final class Handler: SessionHandler {
    private let probe: Probe
    init(_ probe: Probe) { self.probe = probe }

    func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
      let bytes = [UInt8](messages)
      probe.state.withLock { $0.records.append(bytes) }
    }

    func closed(_ session: Session, error: SessionError?) {
      probe.state.withLock { state in
        state.end = error
        state.isOver = true
      }
    }
  }

  // MARK: What it does

  /// Sends one record.
  func send(_ messages: [UInt8]...) { send(messages) }

  func send(_ messages: [[UInt8]]) {
    reference.withLock { $0 }?.execute { session in
      for message in messages { try? session.write(messages: message) }
      session.flush()
    }
  }

  func send(_ message: ControlMessage) { send(message.encoded()) }
  func close() { reference.withLock { $0 }?.close() }

  /// Takes nothing of what it is sent from now on.
  func stopReading() { reference.withLock { $0 }?.execute { $0.pauseReading() } }

  // MARK: What comes of it

  var isOver: Bool { state.withLock { $0.isOver } }

  /// How the session ended.
  func closed() async throws -> SessionError? {
    try await wait("the end of the session") { $0.isOver ? .some($0.end) : nil }
  }

  /// Whether a record waits to be taken.
  var hasReceived: Bool { state.withLock { !$0.records.isEmpty } }

  /// The next record.
  func received() async throws -> [UInt8] {
    try await wait("a record") { $0.records.isEmpty ? nil : $0.records.removeFirst() }
  }

  /// The next control message.
  func control() async throws -> ControlMessage {
    let bytes = try await received()
    let messages = try ControlMessage.sequence(bytes)
    guard let first = messages.first else { throw NothingCame(awaited: "a control message") }
    for message in messages.dropFirst().reversed() {
      state.withLock { $0.records.insert(message.encoded(), at: 0) }
    }
    return first
  }

  private func wait<Value>(_ what: String, _ take: (inout State) -> Value?) async throws -> Value {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
      if let value = state.withLock({ take(&$0) }) { return value }
      try await Task.sleep(for: .milliseconds(1))
    }
    throw NothingCame(awaited: what)
  }
}
