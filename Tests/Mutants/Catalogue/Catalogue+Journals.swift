/// At drones, of what outlives their processes.
extension Catalogue {
  static let journals: [Mutant] = [
    Mutant(
      "journalLate", "Writes a record to the journal with the one that follows it.", .foundBy(seed: 44),
      .before(
        "guard let end = held[partition.index]?.end else { return }",
        "if !isCatchingUp { return postpone([UInt8](record), partition, sequence) }",
        in: "Journal/Journal.swift"),
      .declarations(
        """
        private var postponed: (() -> Void)?
        private var isCatchingUp = false

        private func postpone(_ record: [UInt8], _ partition: Partition, _ sequence: UInt64) {
          let before = postponed
          postponed = { [unowned self] in
            isCatchingUp = true
            record.withUnsafeBytes { append($0, to: partition, sequence) }
            isCatchingUp = false
          }
          before?()
        }

        """, before: "/// The database has the records up to this one.", in: "Journal/Journal.swift")),
    Mutant(
      "forgetJournals", "Begins a journal without what earlier lives have left, and not handed over yet.",
      .foundBy(seed: 5),
      .instead(
        of: """
          Journal(
            in: journals[loop], owner: JournalOwner(principal: principal, life: incarnation, boot: boot),
            bounds: world.knobs.journal, stands: stands)
          """,
        """
        Journal(
          in: journals[loop], owner: JournalOwner(principal: principal, life: incarnation, boot: boot),
          bounds: world.knobs.journal)
        """, in: "Simulation/JournalDisk.swift")),
    Mutant(
      "answerBeforeDirty",
      "Tells of what is written before the disk knows that the journal is not clean any more.",
      .hidden(
        """
        Owner and shadows would have to lose their power within the sync that follows the first write of an idle \
        second; `JournalKeeperTests` has that.
        """),
      .instead(
        of: "if keeper?.mustWait == true { held.append(body) } else { body() }", "body()",
        in: "Simulation/DataLoop.swift")),
  ]
}
