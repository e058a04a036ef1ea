import Synchronization

/// Somebody who only reads, and reads what one of the callers writes elsewhere.
final class Onlooker: Sendable {
  private let tag: String
  private let load: String
  private let store: any Store
  private let isStopped = Atomic<Bool>(false)
  private let seen = Mutex<Seen>(Seen())

  private struct Seen {
    var sightings: [Sighting] = []
    var failures: [String] = []
  }

  /// Onlookers are no load.
  private static let pause = Duration.milliseconds(10)

  init(tag: String, load: String, store: any Store) {
    self.tag = tag
    self.load = load
    self.store = store
  }

  var sightings: [Sighting] { seen.withLock { $0.sightings } }
  var failures: [String] { seen.withLock { $0.failures } }
  /// From here on sightings count.
  func mark() { seen.withLock { $0.sightings = [] } }
  func stop() { isStopped.store(true, ordering: .relaxed) }

  /// Reads one key after the other until it is stopped.
  func run() async throws {
    var turn = 0
    while !isStopped.load(ordering: .relaxed) {
      await look(at: Caller.key(turn % Caller.keys, of: tag, in: load))
      turn += 1
      try await Task.sleep(for: Self.pause)
    }
  }

  private func look(at key: String) async {
    let begun = ContinuousClock.now
    do {
      let number = try Caller.number(await store.get(key)) ?? 0
      seen.withLock { $0.sightings.append(Sighting(key: key, number: number, begunAt: begun)) }
    } catch {
      seen.withLock { $0.failures.append("get: \(error)") }
    }
  }

  func close() async { await store.close() }
}
