import LocalCluster

/// Whether a cluster that is being started serves all its slots.
enum ServingProbe {
  static func isServing(_ directory: ClusterDirectory, user: String) async throws -> Bool {
    try await ClientConnection.with { backend in
      let status = try await backend.status()
      return status.slotsServed == status.slotsTotal && status.commander != nil
    }
  }
}
