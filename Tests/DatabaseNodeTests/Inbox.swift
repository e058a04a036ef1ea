import Synchronization

/// What came, in order; a test takes the first that it waits for.
final class Inbox<Element: Sendable>: Sendable {
  private struct State {
    var elements: [Element] = []
    var waiters:
      [(id: Int, wants: @Sendable (Element) -> Bool, taker: CheckedContinuation<Element, any Error>)] =
        []
    var lastID = 0
  }

  struct Closed: Error {}
  struct NothingCame: Error { let all: String }

  private let state = Mutex(State())

  func put(_ element: Element) {
    let taker = state.withLock { state -> CheckedContinuation<Element, any Error>? in
      guard let index = state.waiters.firstIndex(where: { $0.wants(element) }) else {
        state.elements.append(element)
        return nil
      }
      return state.waiters.remove(at: index).taker
    }
    taker?.resume(returning: element)
  }

  /// Waits for the first element that is wanted, and takes it out. After ten seconds it fails.
  func take(where wants: @escaping @Sendable (Element) -> Bool = { _ in true }) async throws -> Element {
    try await withCheckedThrowingContinuation { taker in
      let (found, id) = state.withLock { state -> (Element?, Int) in
        if let index = state.elements.firstIndex(where: wants) {
          return (state.elements.remove(at: index), 0)
        }
        state.lastID += 1
        state.waiters.append((state.lastID, wants, taker))
        return (nil, state.lastID)
      }
      if let found { return taker.resume(returning: found) }
      Task {
        try await Task.sleep(for: .seconds(10))
        giveUp(id)
      }
    }
  }

  /// Nothing more is to be expected: whoever waits is told why.
  func fail(_ error: any Error) {
    let takers = state.withLock { state in
      defer { state.waiters.removeAll() }
      return state.waiters.map(\.taker)
    }
    for taker in takers { taker.resume(throwing: error) }
  }

  private func giveUp(_ id: Int) {
    let (taker, all) = state.withLock { state in
      let index = state.waiters.firstIndex { $0.id == id }
      return (index.map { state.waiters.remove(at: $0).taker }, "\(state.elements)")
    }
    taker?.resume(throwing: NothingCame(all: String(all.prefix(1000))))
  }
}
