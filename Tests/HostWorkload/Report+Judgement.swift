import Histories

extension Report {
  /// Operations on registers, all together.
  public var operations: Int { registers.reduce(0) { $0 + $1.operations.count } }

  /// What the clients were told and cannot be so: one sentence for each key whose history is not linearizable.
  public var anomalies: [String] {
    registers.compactMap { register in
      switch Linearizability.check(register.operations) {
      case .linearizable: return nil
      case .undecided: return "the history of \(register.key) has too many explanations to try"
      case .violated(let prefix):
        let end = prefix.suffix(12).map { "  \($0.line)" }.joined(separator: "\n")
        return "the history of \(register.key) is not linearizable; it ends:\n\(end)"
      }
    }
  }
}
