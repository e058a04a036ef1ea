import NIOCore
import Sessions
import Synchronization

/// The connections of a listener that wait for their handshake, and how each is asked to give way.
final class Door: Sendable {
  private struct State {
    var census: ConnectionCensus
    var channels: [ConnectionCensus.ID: any Channel] = [:]
    var next: ConnectionCensus.ID = 0

    mutating func take(_ displaced: ConnectionCensus.ID?) -> (any Channel)? {
      displaced.flatMap { channels.removeValue(forKey: $0) }
    }
  }

  private let state: Mutex<State>

  init(_ limits: SessionLimits) { state = Mutex(State(census: ConnectionCensus(limits))) }

  /// Counts a connection in, until it leaves or its channel is closed.
  func enter(_ channel: any Channel, from source: Source, isMember: Bool) -> ConnectionCensus.ID {
    let (id, displaced) = state.withLock { state -> (ConnectionCensus.ID, (any Channel)?) in
      state.next += 1
      let excess = state.census.enter(state.next, from: source, isMember: isMember)
      let displaced = state.take(excess)
      state.channels[state.next] = channel
      return (state.next, displaced)
    }
    channel.closeFuture.whenComplete { [self] _ in leave(id) }
    displaced?.pipeline.fireUserInboundEventTriggered(GiveWay())
    return id
  }

  func speak(_ id: ConnectionCensus.ID) { state.withLock { $0.census.speak(id) } }

  func leave(_ id: ConnectionCensus.ID) {
    state.withLock { state in
      state.census.leave(id)
      state.channels[id] = nil
    }
  }

  /// Sends a few away, because the process has no descriptor left.
  func makeRoom() {
    let displaced = state.withLock { state -> [any Channel] in
      (0..<Self.roomAtOnce).compactMap { _ in
        let oldest = state.census.makeRoom()
        return state.take(oldest)
      }
    }
    for channel in displaced { channel.pipeline.fireUserInboundEventTriggered(GiveWay()) }
  }

  private static let roomAtOnce = 16

  /// Connections that wait now.
  var count: Int { state.withLock { $0.census.count } }
}

/// Asks a connection that waits for its handshake to end, because a newcomer needs its place.
struct GiveWay: Sendable {}
