/// A cluster of either kind, as the trials that both go through see it.
protocol System: Sendable {
  /// A client for one of the callers.
  func store(_ caller: Int) -> any Store
  /// Waits until everything is served, has its second place again, and is spread evenly.
  func awaitWhole() async throws
  /// A node to be harmed, and those of the tags whose keys it has.
  func victim(among tags: [String]) async throws -> (name: String, tags: Set<String>)
  /// Sends a signal, and returns once it has had its effect.
  func send(_ signal: Int32, to name: String) async throws
  /// Starts a node again that was killed.
  func restart(_ name: String) throws
}
