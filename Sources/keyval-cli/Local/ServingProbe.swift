import LocalCluster
import Node
import Synchronization

/// Whether a cluster that is being started serves all its slots.
final class ServingProbe: Sendable {
  /// When the authority was asked last.
  private let asked = Mutex(ContinuousClock.now)

  /// - Throws: `LocalClusterError` with the fault `unfinished` when only an administrator can help.
  func isServing() async throws -> Bool {
    do {
      let isServing = try await ClientConnection.with { backend in
        let status = try await backend.status()
        return status.slotsServed == status.slotsTotal && status.commander != nil
      }
      if isServing { return true }
    } catch {
      try await requireKnownStore()
      throw error
    }
    try await requireKnownStore()
    return false
  }

  /// Looks every two seconds whether a database waits for somebody to say which store it may use.
  private func requireKnownStore() async throws {
    let isDue = asked.withLock { asked in
      guard ContinuousClock.now - asked >= .seconds(2) else { return false }
      asked = .now
      return true
    }
    guard isDue, let known = try? AuthorityContact.find(principal: nil, address: nil),
      let ticket = try? known.ticket()
    else { return }
    let client = MembershipClient(
      cluster: known.cluster, authority: known.node, standby: known.standby, credential: ticket)
    guard let held = try? await client.stores(within: 5).stores.first(where: { $0.held != nil }) else {
      return
    }
    throw LocalClusterError(
      .unfinished,
      "the cluster runs and is left running, but nobody is served:\n" + StoresReport.loss(held)
        + "\n‘keyval cluster env’ tells how to be its administrator, ‘keyval cluster stop’ ends it")
  }
}
