/// A cluster of either kind, as the trials that both go through see it.
protocol System: Sendable {
  var view: any View { get }
  /// Sends a signal, and returns once it has had its effect.
  func send(_ signal: Int32, to name: String) async throws
  /// Starts a node again that was killed.
  func restart(_ name: String) throws
}
