import ClusterFixture
import HostWorkload
import Keyval

extension ClusterFixture {
  /// Stops processes in their tracks, the database among them, at a moment when each partition takes writes without it.
  ///
  /// What the commander says of shadows is what drones said before it: the list of a partition that was just written for
  /// the first time may still be on its way to the database. So the writes themselves are what is looked at.
  func suspendWhenShadowed(_ names: [String]) async throws {
    let (hasty, patient) = (try client(deadline: .seconds(3)), try client())
    defer { for client in [hasty, patient] { client.close() } }
    try await eventually("every partition takes writes without the database", within: .seconds(120)) {
      for name in names { try self.suspend(name) }
      do {
        try await hasty.writeToEveryPartition()
        return true
      } catch {
        for name in names.reversed() { try self.resume(name) }
        try await patient.writeToEveryPartition()
        return false
      }
    }
  }
}
