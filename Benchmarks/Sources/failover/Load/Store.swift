/// What is measured: a store of keys and values, as one client of it sees it.
protocol Store: Sendable {
  /// Returns when the store has acknowledged the write. Tries again by itself, and throws when it gives up: then
  /// the write may have been executed or not.
  func put(_ key: String, _ value: String) async throws
  /// The value, nil if the key has none.
  func get(_ key: String) async throws -> String?
  /// Gives up what only this client has.
  func close() async
}
