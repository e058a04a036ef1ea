import Audit
import Cluster
import Database
import Storage

extension AuditEvent {
  /// Nil for what nobody has to answer for.
  init?(_ note: DatabaseNote) {
    switch note {
    case .termRaised(let term): self.init(.term, "raise", outcome: "done", term: term.number)
    case .keyStored(let term): self.init(.term, "sealing key", outcome: "stored", term: term.number)
    case .opened: return nil
    case .refused(let holder, let partitions, let reason):
      self.init(
        .denial, "open partitions", outcome: "refused", principal: holder.text, subject: "\(partitions)",
        reason: reason)
    case .fencedOff(let holder, let partitions):
      self.init(
        .denial, "write to partitions", outcome: "refused", principal: holder.text, subject: "\(partitions)",
        reason: "they are fenced off")
    case .storeAccepted(let mark): self.init(.term, "store", outcome: "accepted", subject: "\(mark)")
    case .storeHeld(let mark, let known):
      self.init(.denial, "store", outcome: "held", subject: "\(mark)", reason: "known is \(known.mark)")
    case .receiptRefused(let drone, let mark):
      self.init(.denial, "receipt", outcome: "refused", principal: drone.text, subject: "\(mark)")
    case .membershipChanged(let version, let members):
      self.init(.membership, "change", outcome: "done", version: version, reason: "members: \(members)")
    case .membershipRefused(let reason):
      self.init(.membership, "change", outcome: "refused", reason: reason)
    case .damaged(let row):
      self.init(
        .damage, "transaction", outcome: row.isRestored ? "restored" : "found", subject: "\(row.partitions)",
        reason: "\(row)")
    case .storeFailed, .storeRecovered: return nil
    }
  }

  /// Nil for an error that is no damage.
  /// - Parameter finder: what came upon it.
  init?(_ error: StoreError, foundBy finder: String) {
    switch error {
    case .damaged, .rowDamaged:
      // The sentence has the file, the table and the partition, and nothing of what is stored.
      self.init(.damage, finder, outcome: "found", subject: error.path, reason: error.problem)
    default: return nil
    }
  }
}
