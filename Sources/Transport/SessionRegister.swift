import Glibc
import Logging
import NIOCore
import Sessions
import Synchronization

/// The sessions that a listener has accepted: how many there may be, who they are, and how each is asked to end.
public final class SessionRegister: Sendable {
  /// One of them, as it was when it was asked.
  public struct Entry: Sendable {
    /// Unique within the process.
    public let id: UInt64
    public let principal: String
    /// `address:port` of the other end; a name of its own for what has none.
    public let address: String
    /// Whether it is one of the cluster's nodes.
    public let isNode: Bool
    /// Since when it stands: seconds since 1970.
    public let since: Int64
    /// As its handler counts them.
    public let requests: UInt64
    /// Bytes that the network has not taken yet.
    public let unsentBytes: Int
  }

  fileprivate struct Member {
    let session: SessionReference
    let holder: SessionCensus.Holder
    let address: String
    let since: Int64
    /// An operator has ended it, and it is on its way out.
    var isEnding = false
  }

  private struct State {
    var census: SessionCensus
    var members: [SessionCensus.ID: Member] = [:]
  }

  private let state: Mutex<State>
  private let logger: Logger

  init(_ limits: SessionLimits, _ logger: Logger) {
    state = Mutex(State(census: SessionCensus(limits)))
    self.logger = logger
  }

  /// Counts a session in until it is over, unless that is one too many.
  /// - Returns: why it may not stay.
  func enter(_ session: Session, on channel: any Channel, _ holder: SessionCensus.Holder) -> TooManySessions?
  {
    let id = session.id
    let member = Member(
      session: SessionReference(session), holder: holder,
      address: channel.remoteAddress?.hostAndPort ?? "local", since: Int64(time(nil)))
    let (verdict, displaced) = state.withLock { state -> (SessionCensus.Verdict, SessionReference?) in
      let verdict = state.census.enter(id, holder)
      if case .refused = verdict { return (verdict, nil) }
      state.members[id] = member
      guard case .displaces(let other, _) = verdict else { return (verdict, nil) }
      return (verdict, state.members.removeValue(forKey: other)?.session)
    }
    if case .refused(let which) = verdict {
      logger.warning(
        "session refused: there are too many \(which.rawValue)", metadata: metadata(session))
      return which
    }
    channel.closeFuture.whenComplete { [self] _ in leave(id) }
    if case .displaces(_, let which) = verdict {
      displaced?.execute { [self] other in
        logger.warning(
          "session ended for one of a principal with fewer: there are too many \(which.rawValue)",
          metadata: metadata(other))
        other.close(.tooManySessions, error: .tooManySessions(which))
      }
    }
    return nil
  }

  private func leave(_ id: SessionCensus.ID) {
    state.withLock { state in
      state.census.leave(id)
      state.members[id] = nil
    }
  }

  /// Sessions that are counted in now.
  var count: Int { state.withLock { $0.census.count } }

  private func metadata(_ session: Session) -> Logger.Metadata {
    ["principal": "\(session.identity.peer)", "remote": "\(session.remoteAddress)"]
  }

  // MARK: For operators

  /// The first of those with a higher id than `id`, in order of id.
  /// - Parameter limit: how many at most.
  /// - Returns: them, and whether there are more. Fails only when one of their event loops is shut down.
  public func list(
    after id: UInt64, limit: Int, on eventLoop: any EventLoop
  ) -> EventLoopFuture<(entries: [Entry], hasMore: Bool)> {
    let (members, hasMore) = state.withLock { state in
      let ids = state.members.keys.filter { $0 > id }.sorted()
      return (ids.prefix(limit).compactMap { state.members[$0] }, ids.count > limit)
    }
    // One visit to each event loop.
    let byLoop = Dictionary(grouping: members) { ObjectIdentifier($0.session.eventLoop) }
    let visits = byLoop.values.map { members in
      members[0].session.eventLoop.submit { members.map(\.entry) }
    }
    return EventLoopFuture.whenAllSucceed(visits, on: eventLoop).map { entries in
      (entries.joined().sorted { $0.id < $1.id }, hasMore)
    }
  }

  /// Ends a session in order.
  /// - Returns: whose it is; nil when there is none of that id.
  public func end(_ id: UInt64) -> String? {
    guard let member = end(where: { $0.session.id == id }).first else { return nil }
    return member.holder.principal
  }

  /// Ends every session of a principal in order, but for one.
  /// - Returns: how many.
  public func endAll(of principal: String, but id: UInt64) -> Int {
    end(where: { $0.holder.principal == principal && $0.session.id != id }).count
  }

  /// Each is ended once: it may take its leave for a moment.
  private func end(where isMeant: (Member) -> Bool) -> [Member] {
    let members = state.withLock { state in
      let meant = state.members.values.filter { !$0.isEnding && isMeant($0) }
      for member in meant { state.members[member.session.id]?.isEnding = true }
      return meant.sorted { $0.session.id < $1.session.id }
    }
    for member in members { member.session.close(.ended) }
    return members
  }
}

extension SessionRegister.Member {
  /// On the session's event loop.
  fileprivate var entry: SessionRegister.Entry {
    SessionRegister.Entry(
      id: session.id, principal: holder.principal, address: address, isNode: holder.isNode, since: since,
      requests: session.onItsLoop.requests, unsentBytes: session.onItsLoop.unsentBytes)
  }
}

extension SocketAddress {
  /// As people write it; nil where it has no port.
  fileprivate var hostAndPort: String? {
    guard let ipAddress, let port else { return nil }
    return self.protocol == .inet6 ? "[\(ipAddress)]:\(port)" : "\(ipAddress):\(port)"
  }
}
