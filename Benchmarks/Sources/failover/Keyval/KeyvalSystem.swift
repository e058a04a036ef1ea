import Glibc

/// Keyval for the trials that both stores go through.
struct KeyvalSystem: System {
  let cluster: KeyvalCluster
  let keyvalView: KeyvalView
  var view: any View { keyvalView }

  /// - Parameter deadline: how long a caller's request is tried.
  init(_ cluster: KeyvalCluster, deadline: Duration) throws {
    self.cluster = cluster
    keyvalView = try KeyvalView(of: cluster.directory, deadline: deadline)
  }

  func send(_ signal: Int32, to name: String) async throws {
    try await ProcessState.await(signal, at: cluster.send(signal, to: name))
    if signal == SIGKILL { try await cluster.awaitEnd(of: name) }
  }

  func restart(_ name: String) throws { try cluster.restart(name) }
}
