extension Run {
  /// The same run with as few of its faults as still lead to a violation, traced.
  /// - Parameter attempts: how many runs to spend on it.
  public func shrunk(attempts: Int = 80) -> Report {
    var run = reduced(attempts: attempts) { !$0().violations.isEmpty }
    run.isTracing = true
    return run()
  }

  /// The same run with as few of its faults as it still fails with.
  /// - Parameter attempts: how often to ask whether it does.
  func reduced(attempts: Int, while fails: (Run) -> Bool) -> Run {
    var kept = Set(plan.indices)
    var keepsLasting = plan.lasting != nil
    var left = attempts
    func keeping(_ indices: Set<Int>, _ lasting: Bool) -> Run {
      var run = self
      run.isTracing = false
      run.plan = plan.keeping(indices, lasting: lasting)
      return run
    }
    func suffice(_ indices: Set<Int>, _ lasting: Bool) -> Bool {
      guard left > 0 else { return false }
      left -= 1
      return fails(keeping(indices, lasting))
    }
    if keepsLasting, suffice(kept, false) { keepsLasting = false }
    // Halves, quarters, and so on, down to single faults.
    var size = max(1, kept.count / 2)
    while size >= 1 {
      let order = kept.sorted()
      for start in stride(from: 0, to: order.count, by: size) {
        let without = kept.subtracting(order[start..<min(start + size, order.count)])
        if without.count < kept.count, suffice(without, keepsLasting) { kept = without }
      }
      size /= 2
    }
    return keeping(kept, keepsLasting)
  }
}

extension Run.Report {
  /// What a person needs: what is wrong, the faults that led to it, what happened before it, and how to see it
  /// again.
  public func explanation(lines: Int = 60, width: Int = 200) -> String {
    var text = violations.prefix(3).map { "seed \(seed): \($0)" }.joined(separator: "\n")
    text += "\n\nthe faults that it takes:\n" + faults.map { "  \($0)" }.joined(separator: "\n")
    if !trace.isEmpty {
      text += "\n\nbefore it (seconds):\n"
      text += trace.suffix(lines).map { "  \($0.prefix(width))" }.joined(separator: "\n")
    }
    return text + "\n\nagain: ./dev simulate --seed \(seed)" + (isPlain ? " --plain" : "")
  }
}
