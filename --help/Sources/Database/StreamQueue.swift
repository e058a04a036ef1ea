import Cluster

/// Who is owed contents: a few are streamed at a time, one a session, the others wait their turn. So a drone
/// that reads slowly holds up itself.
public struct StreamQueue: Sendable {
  /// Streams at a time; the store must have as many readers.
  public static let concurrent = 8

  private let bounds: StoreBounds
  private var waiting: [ContentsStream] = []
  private var active: [UInt64: ContentsStream] = [:]
  private var lastIdentifier: UInt64 = 0

  init(bounds: StoreBounds = StoreBounds()) { self.bounds = bounds }

  /// False when too many wait.
  mutating func add(session: UInt64, number: UInt64, opening: PartitionOpening) -> Bool {
    guard waiting.count < bounds.waitingStreams else { return false }
    lastIdentifier += 1
    waiting.append(
      ContentsStream(identifier: lastIdentifier, session: session, number: number, opening: opening))
    return true
  }

  /// The next stream to start, if there is room for one.
  mutating func next() -> ContentsStream? {
    guard active.count < bounds.streams, !waiting.isEmpty else { return nil }
    let busy = Set(active.values.map(\.session))
    guard let index = waiting.firstIndex(where: { !busy.contains($0.session) }) else { return nil }
    let stream = waiting.remove(at: index)
    active[stream.identifier] = stream
    return stream
  }

  mutating func finish(_ identifier: UInt64) -> ContentsStream? {
    active.removeValue(forKey: identifier)
  }

  /// What waits for a session that is over is owed to nobody. What is active ends by itself: its shell finds
  /// the session closed.
  mutating func drop(session: UInt64) {
    waiting.removeAll { $0.session == session }
  }
}
