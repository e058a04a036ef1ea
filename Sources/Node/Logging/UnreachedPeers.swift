import Cluster
import Logging

/// The peers that a node dials in vain: that one is away for a moment is usual, and not worth a line; that it is away for
/// longer has a reason that somebody has to mend, here (a keytab, a clock) or there.
struct UnreachedPeers {
  /// Milliseconds without the peer until it is told.
  static let patience: Int64 = 5_000
  /// Milliseconds until it is told again with the same reason, and with another: one may name a number that changes.
  static let repetition: Int64 = 600_000
  static let repetitionOfNews: Int64 = 60_000

  private struct Absence {
    let since: Instant
    var told: (at: Instant, reason: String)?
  }

  private var absences: [String: Absence] = [:]

  init() {}

  mutating func failed(_ principal: String, _ reason: String, now: Instant, _ logger: Logger) {
    let absence = absences[principal] ?? Absence(since: now)
    absences[principal] = absence
    let isNews =
      absence.told.map { now - $0.at >= ($0.reason == reason ? Self.repetition : Self.repetitionOfNews) }
      ?? (now - absence.since >= Self.patience)
    var metadata: Logger.Metadata = [
      NodeLogging.Key.principal: "\(principal)", NodeLogging.Key.reason: "\(reason)",
    ]
    guard isNews else { return logger.debug("peer not reached", metadata: metadata) }
    absences[principal]?.told = (now, reason)
    metadata["seconds"] = "\((now - absence.since) / 1_000)"
    logger.warning("peer not reached for some time", metadata: metadata)
  }

  mutating func reached(_ principal: String, now: Instant, _ logger: Logger) {
    guard let absence = absences.removeValue(forKey: principal), absence.told != nil else { return }
    logger.notice(
      "peer reached at last",
      metadata: [
        NodeLogging.Key.principal: "\(principal)", "seconds": "\((now - absence.since) / 1_000)",
      ])
  }
}
