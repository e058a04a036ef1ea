/// From where one can wait for a cluster.
protocol Waiting: Sendable {
  /// Waits until every node answers, be it alone.
  func awaitAnswers() async throws
  /// Waits until everything is served, has its second place again, and is spread evenly.
  func awaitWhole() async throws
}

/// A cluster of either kind, as its clients see it.
protocol View: Waiting {
  /// A client for one of the callers.
  func store(_ caller: Int) -> any Store
  /// A node to be harmed, and those of the tags whose keys it has.
  func victim(among tags: [String]) async throws -> (name: String, tags: Set<String>)
}
