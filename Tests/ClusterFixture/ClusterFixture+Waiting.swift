import Keyval

/// Waiting for what must come about, by asking again and again.
extension ClusterFixture {
  /// Asks until the condition holds. An error of the condition counts as “not yet”.
  /// - Throws: ``ClusterFixtureError`` when the time is over, with the last error and the latest status.
  public func eventually(
    _ what: String, within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
  ) async throws {
    let deadline = ContinuousClock.now + limit
    var problem: (any Error)?
    repeat {
      do {
        if try await condition() { return }
        problem = nil
      } catch {
        problem = error
      }
      try await Task.sleep(for: .milliseconds(10))
    } while ContinuousClock.now < deadline
    let reason = problem.map { ": \($0)" } ?? ""
    throw ClusterFixtureError("it did not come about within \(limit) that \(what)\(reason)")
  }

  /// The cluster's state as its commander tells it.
  public func status(by client: KeyvalClient) async throws -> ClusterStatus { try await client.status() }

  /// Waits until every slot is served, by the drones named if any are, and returns that status.
  @discardableResult
  public func awaitServing(
    by client: KeyvalClient, drones names: Set<String>? = nil, aboveTerm term: UInt64 = 0,
    within limit: Duration = .seconds(30)
  ) async throws -> ClusterStatus {
    var latest: ClusterStatus?
    let whom = names.map { " by \($0.sorted().joined(separator: ", "))" } ?? ""
    do {
      try await eventually("all slots are served\(whom) in a term above \(term)", within: limit) {
        let status = try await client.status()
        latest = status
        let owners = Set(status.drones.filter { $0.slots > 0 }.map(\.principal.instance))
        return status.slotsServed == 16_384 && status.term.number > term && (names ?? owners) == owners
      }
    } catch {
      throw ClusterFixtureError("\(error); latest status: \(latest.map { "\($0)" } ?? "none")")
    }
    guard let latest else { throw ClusterFixtureError("there is no status") }
    return latest
  }

  /// Owners and shadows died together: says as an operator that what only they had is lost, until all slots are served
  /// in a term above that.
  public func acceptLoss(by client: KeyvalClient, aboveTerm term: UInt64) async throws {
    try await eventually("all slots are served, or wait for somebody to accept a loss") {
      let status = try await client.status()
      guard status.term.number > term else { return false }
      if status.slotsAwaitingCopies > 0 { _ = try await client.administer(.acceptLoss, "") }
      return status.slotsServed == 16_384
    }
  }
}
