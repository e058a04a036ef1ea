import Synchronization

/// What happened, in order, for tests to wait for.
final class Journal<Event: Sendable>: Sendable {
  private struct Waiter {
    var id: Int
    var matches: @Sendable (Event) -> Bool
    var continuation: CheckedContinuation<Event?, Never>
  }

  private struct State {
    var events: [Event] = []
    var waiters: [Waiter] = []
    var nextWaiter = 0
  }

  struct NothingCame: Error { var soFar: String }

  private let state = Mutex(State())

  var events: [Event] { state.withLock { $0.events } }

  func append(_ event: Event) {
    let ready = state.withLock { state in
      state.events.append(event)
      // Each predicate sees each event once: it may count.
      var ready: [Waiter] = []
      state.waiters.removeAll { waiter in
        guard waiter.matches(event) else { return false }
        ready.append(waiter)
        return true
      }
      return ready
    }
    for waiter in ready { waiter.continuation.resume(returning: event) }
  }

  /// The first event, past or to come, that matches.
  /// - Throws: `NothingCame` after half a minute, so that a failing test ends.
  @discardableResult
  func first(_ matches: @escaping @Sendable (Event) -> Bool) async throws -> Event {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    let guardian = Task {
      try await Task.sleep(for: .seconds(30))
      give(up: id)
    }
    defer { guardian.cancel() }
    let event = await withCheckedContinuation { continuation in
      let found: Event? = state.withLock { state in
        if let event = state.events.first(where: matches) { return event }
        state.waiters.append(Waiter(id: id, matches: matches, continuation: continuation))
        return nil
      }
      if let found { continuation.resume(returning: found) }
    }
    guard let event else { throw NothingCame(soFar: "\(events)") }
    return event
  }

  private func give(up id: Int) {
    let waiter = state.withLock { state -> Waiter? in
      guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
      return state.waiters.remove(at: index)
    }
    waiter?.continuation.resume(returning: nil)
  }
}
