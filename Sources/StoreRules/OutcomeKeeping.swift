import Cluster
import Wire

/// The outcomes of a partition's last writes, so that a retry is answered and never executed again; of older
/// ones only the highest number of each client, so that their retry is told that nobody knows. What is out of date of one
/// principal is kept for a while longer where the newer ones are others': nobody's writes drop another's at once.
package struct OutcomeKeeping: Hashable, Sendable {
  /// Outcomes kept of each partition.
  package let kept: Int
  /// Of those that are out of date.
  package let keptOfOthers: Int
  /// Clients of each partition whose dropped writes are remembered; beyond, of the principals that have most those whose
  /// last dropped write is the longest ago are forgotten altogether, and it is remembered that there were some.
  package let maximumClients: Int

  package init(kept: Int = 1024, keptOfOthers: Int = 512, maximumClients: Int = 8192) {
    (self.kept, self.keptOfOthers, self.maximumClients) = (kept, keptOfOthers, maximumClients)
  }

  /// Adds outcomes, which follow those that are stored, as one run, and drops the runs that are out of date as a
  /// whole. A row for each outcome took most of the time of a fold.
  func add(
    _ outcomes: [WriteOutcome], to partition: Partition, _ rows: inout some StoreTransaction
  ) throws {
    guard let last = outcomes.last else { return }
    let horizon = last.sequence - min(last.sequence, UInt64(kept))
    var old = try stored(partition, through: horizon, rows)
    if !old.isEmpty { try rows.deleteOutcomes(of: partition, through: horizon) }
    old += outcomes.dropLast(kept)
    var (survivors, dropped): ([WriteOutcome], [WriteOutcome]) = ([], old)
    if Set(old.map(\.client.principalMark)).union(outcomes.map(\.client.principalMark)).count > 1 {
      (survivors, dropped) = FairShare.split(old, among: { $0.client.principalMark }, limit: keptOfOthers)
    }
    var writer = CBORWriter()
    for outcome in survivors + outcomes.suffix(kept) { outcome.encode(into: &writer) }
    try rows.insertOutcomes(writer.bytes, last: last.sequence, of: partition)
    try forget(dropped, of: partition, &rows)
  }

  /// The stored outcomes, in order of sequence: those of the runs that end at or before a sequence number.
  private func stored(
    _ partition: Partition, through sequence: UInt64, _ rows: some StoreSnapshot
  ) throws -> [WriteOutcome] {
    var outcomes: [WriteOutcome] = []
    for run in try rows.outcomeRuns(of: partition, through: sequence) {
      do {
        try run.withUnsafeBytes { bytes in
          var reader = CBORReader(bytes)
          while !reader.isAtEnd { outcomes.append(try WriteOutcome(from: &reader)) }
        }
      } catch is CBORError {
        throw RowDamage(RowDamage.outcomes, of: partition)
      }
    }
    return outcomes.sorted { $0.sequence < $1.sequence }
  }

  /// What is known of a partition's writes.
  /// - Parameter unfolded: what the log has beyond the stored ones, in order of sequence.
  func past(
    of partition: Partition, _ unfolded: [WriteOutcome], _ rows: some StoreSnapshot
  ) throws -> PastWrites {
    let (outcomes, dropped) = FairShare.split(
      try stored(partition, through: .max, rows) + unfolded, among: { $0.client.principalMark }, limit: kept)
    var forgotten = try forgotten(of: partition, rows)
    for outcome in dropped { forgotten.add(outcome) }
    forgotten.keep(maximumClients)
    return PastWrites(outcomes: outcomes, gaps: forgotten.gaps)
  }

  /// What is remembered of the dropped ones.
  package func forgotten(of partition: Partition, _ rows: some StoreSnapshot) throws -> ForgottenClients {
    guard let packed = try rows.forgottenClients(of: partition) else { return ForgottenClients() }
    guard let clients = ForgottenClients(packed: packed) else {
      throw RowDamage(RowDamage.forgotten, of: partition)
    }
    return clients
  }

  private func forget(
    _ outcomes: [WriteOutcome], of partition: Partition, _ rows: inout some StoreTransaction
  ) throws {
    guard !outcomes.isEmpty else { return }
    var clients = try forgotten(of: partition, rows)
    for outcome in outcomes { clients.add(outcome) }
    // A good deal at once, so that it is seldom.
    if clients.count > maximumClients { clients.keep(maximumClients * 7 / 8) }
    try rows.setForgottenClients(clients.packed, of: partition)
  }
}
