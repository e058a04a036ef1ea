import Cluster

/// What a drone says on a session with the database when either is about to end, each once.
struct Farewell {
  private var hasSaidFarewell = false
  private var hasSaidStaying = false

  mutating func next(_ data: DataCore) -> StoreRequest? {
    // Also when the database has said nothing yet: it may be about to.
    if data.isRetiring {
      guard !hasSaidStaying else { return nil }
      hasSaidStaying = true
      return .staying
    }
    guard !hasSaidFarewell, data.owesNothing else { return nil }
    hasSaidFarewell = true
    return .farewell
  }
}
