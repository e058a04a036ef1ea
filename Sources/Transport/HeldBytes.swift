import Sessions
import Synchronization

/// Decides which session has to go when all of a process together hold too many bytes. Without I/O.
struct HeldBytesCensus {
  typealias ID = UInt64

  private struct Holding {
    var bytes: Int
    var isNode: Bool
  }

  private var holdings: [ID: Holding] = [:]
  private var ofClients = 0
  private var ofNodes = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  var total: Int { ofClients + ofNodes }

  /// A session holds so many bytes now.
  /// - Returns: the session that has to go, which is counted out already: of the clients' that with most, as long as they
  ///   have more than half of the limit; else of the nodes'.
  mutating func set(_ bytes: Int, of id: ID, isNode: Bool) -> ID? {
    remove(id)
    guard bytes > 0 else { return nil }
    holdings[id] = Holding(bytes: bytes, isNode: isNode)
    count(bytes, isNode)
    guard total > limit else { return nil }
    let isNodesTurn = ofClients <= limit / 2
    // Of several that are equal, the oldest.
    let most = holdings.filter { $0.value.isNode == isNodesTurn }
      .max { ($0.value.bytes, $1.key) < ($1.value.bytes, $0.key) }
    if let most { remove(most.key) }
    return most?.key
  }

  mutating func remove(_ id: ID) {
    guard let old = holdings.removeValue(forKey: id) else { return }
    count(-old.bytes, old.isNode)
  }

  private mutating func count(_ bytes: Int, _ isNode: Bool) {
    if isNode { ofNodes += bytes } else { ofClients += bytes }
  }
}

/// What the sessions of a process hold together: bytes that are not sent yet, and records of which only a part has come.
///
/// Each session reports for itself, and only when it holds more than a little.
public final class HeldBytes: Sendable {
  private struct State {
    var census: HeldBytesCensus
    var sessions: [HeldBytesCensus.ID: SessionReference] = [:]
  }

  private let state: Mutex<State>
  private let limit: Int
  /// What the census has counted, for those who only look.
  private let counted = Atomic(0)

  /// - Parameter limit: the most bytes that all sessions may hold.
  public init(limit: Int) {
    self.limit = limit
    state = Mutex(State(census: HeldBytesCensus(limit: limit)))
  }

  /// For every listener and dialler of this process that does not bring its own.
  public static let shared = HeldBytes(limit: SessionLimits().heldBytes)

  /// Bytes that are held now, as far as they were reported.
  public var total: Int { counted.load(ordering: .relaxed) }

  /// Whether half of the limit is used up: whoever holds much is asked for nothing more, so that who reads, if slowly,
  /// need not go.
  public var isTight: Bool { total > limit / 2 }

  /// Whether all of it is used up. Answers would then be made faster than sessions that hold too much can be ended.
  public var isFull: Bool { total > limit }

  func report(_ bytes: Int, of session: SessionReference, isNode: Bool) {
    let excess: SessionReference? = state.withLock { state in
      state.sessions[session.id] = bytes > 0 ? session : nil
      defer { counted.store(state.census.total, ordering: .relaxed) }
      guard let id = state.census.set(bytes, of: session.id, isNode: isNode) else { return nil }
      return state.sessions.removeValue(forKey: id)
    }
    // Never within the session's own flush.
    if let excess { excess.eventLoop.execute { excess.onItsLoop.giveUpIfStillHolding() } }
  }

  func remove(_ id: HeldBytesCensus.ID) {
    state.withLock { state in
      state.census.remove(id)
      state.sessions[id] = nil
      counted.store(state.census.total, ordering: .relaxed)
    }
  }
}
