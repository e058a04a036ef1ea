/// At drones, of the copies that they keep for others.
extension Catalogue {
  static let shadows: [Mutant] = [
    Mutant(
      "acceptLowerFence", "Confirms records of an owner whose token has been overtaken.",
      .foundByPlain(seed: 56),
      .before(
        "guard partitions[partition.index] == nil, loading[partition.index] == nil else {",
        """
        let newest = partitions[partition.index]?.token ?? copyStore.whole(partition)?.token ?? .none
        if case .records(let batch, _) = message, batch.token < newest {
          let end = batch.firstSequence - 1 + UInt64(batch.records.count)
          return .kept(partition: partition, token: batch.token, through: end)
        }
        """, in: "Drone/CopyStore.swift")),
    Mutant(
      "confirmBeforeApplying", "Confirms records, and takes them with the next message.", .foundBy(seed: 1),
      .instead(
        of: "return receive(batch, stored)", "return confirm(batch, stored)", in: "Drone/CopyStore.swift"),
      .declarations(
        """
        /// What has been confirmed and not taken.
        private var postponed: [Partition: (batch: PartitionBatch, stored: UInt64)] = [:]

        private mutating func confirm(_ batch: PartitionBatch, _ stored: UInt64) -> ReplicationAnswer {
          if let last = postponed.removeValue(forKey: batch.partition) { _ = receive(last.batch, last.stored) }
          guard copy(batch.partition, batch.token) != nil else { return receive(batch, stored) }
          postponed[batch.partition] = (batch, stored)
          let end = batch.firstSequence - 1 + UInt64(batch.records.count)
          return .kept(partition: batch.partition, token: batch.token, through: end)
        }

        """,
        before: "/// By the map. Tokens can be guessed, so that nobody else's word counts who knows one.",
        in: "Drone/CopyStore.swift")),
    Mutant(
      "dropCopyAtLimit", "Throws away a copy for which too much has to be kept.", .foundBy(seed: 43),
      .before(
        "guard !copy.table.isFull, hasRoom(for: batch) else {",
        """
        if copy.table.isFull || !hasRoom(for: batch) {
          remove(batch.partition)
          return .missing(partition: batch.partition, token: batch.token)
        }
        """, in: "Drone/CopyStore.swift")),
    Mutant(
      "fillForAnybody", "Takes what is said of a copy, whoever says it.", .foundBy(seed: 27),
      .instead(of: "owners[partition.index] == peer", "true", in: "Drone/CopyStore.swift")),
  ]
}
