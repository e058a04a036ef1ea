/// At drones, of the writes of partitions that they own.
extension Catalogue {
  static let owners: [Mutant] = [
    Mutant(
      "acknowledgeEarly", "Answers a write that is nowhere else.", .foundBy(seed: 1),
      .before(
        "if isWaived, acknowledge(data, record, replyTo) {",
        """
        _ = wait(for: partition, urgently: true)
        return .done(.written(existed: false))
        """, in: "Drone/DataCore.swift")),
    Mutant(
      "acknowledgeBeforeShadow", "Answers a write once it has been sent to the shadow.", .foundBy(seed: 4),
      .instead(
        of: "streams.first { $0.holder == holder }?.confirmed ?? 0",
        "streams.first { $0.holder == holder && $0.stage == .records }?.sent ?? 0",
        in: "Drone/DataPartition.swift")),
    Mutant(
      "listBeforeWhole", "Has a shadow listed before it has said that its copy is whole.", .foundBy(seed: 14),
      .before(
        "var wanted = streams.filter { !$0.isLeaving && isInSync($0) }",
        """
        return streams.filter { !$0.isSilent && !$0.isLeaving && $0.stage != .unknown }.compactMap(\\.holder)
          .sorted()
        """, in: "Drone/DataPartition+InSync.swift"),
      .before(
        "guard !streams.isEmpty, streams.count == confirmed.holders.count, !isRetiring, !isRecovering, wasWritten",
        "return false", in: "Drone/DataPartition+InSync.swift")),
    Mutant(
      "keepSilentListed", "Goes on without a shadow that is silent, and leaves it on the list.",
      .foundBy(seed: 31),
      .before(
        "var wanted = streams.filter { !$0.isLeaving && isInSync($0) }",
        "return streams.filter { isInSync($0) || listed(by: $0) }.compactMap(\\.holder).sorted()",
        in: "Drone/DataPartition+InSync.swift"),
      .before(
        "guard !streams.isEmpty, streams.count == confirmed.holders.count, !isRetiring, !isRecovering, wasWritten",
        "return false", in: "Drone/DataPartition+InSync.swift"),
      .before(
        "var through = UInt64.max",
        """
        let heard = streams.filter { !$0.isSilent && $0.holder.map(mayList) ?? false }
        return max(stored, heard.map(\\.confirmed).min() ?? 0)
        """, in: "Drone/DataPartition.swift")),
    Mutant(
      "commitOutOfOrder", "Sends the database the second record before the first.", .foundBy(seed: 3),
      .expression(
        "log.merged(after: sent, room: &rest)", is: "disordered(log.merged(after: sent, room: &rest))",
        in: "Drone/DataPartition.swift"),
      .declarations(
        """
        /// What the database gets after the record that follows it.
        private var postponed: LogRecord?

        private func disordered(_ inOrder: LogRecords) -> LogRecords {
          let records = Array(inOrder)
          guard !records.isEmpty else { return inOrder }
          if let last = postponed {
            postponed = nil
            return LogRecords([last] + records.dropFirst())
          }
          guard records.count > 1 else { return inOrder }
          postponed = records[0]
          return [records[1]]
        }

        """, before: "init(partition: Partition, token: FencingToken) {", in: "Drone/DataPartition.swift")),
    Mutant(
      "mergeBeyondAppend",
      "Leaves out of an append what is overwritten by a record that comes behind it, or that somebody waits for.",
      .hidden(
        "Owner and shadow have to lose their memory between two appends that have the two records; "
          + "`MergedAppendTests` has where it ends."),
      .instead(
        of: """
          return entry.successor > 0 && Int(entry.successor) < end - index && entry.level != .durable
            && entry.replyTo == nil
          """, "return entry.successor > 0", in: "Drone/WriteLog.swift")),
    Mutant(
      "revealUnsecuredValue", "Answers a read with a value whose second place is not sure.",
      .foundBy(seed: 3),
      .before(
        "end = data.leaseEnd",
        """
        if case .put(let value) = data.unsecured(key) {
          end = data.leaseEnd
          return value.withUnsafeBytes { DataAnswer.value(number: request.number, $0).encode(into: &answers) }
        }
        """, in: "Drone/SharedPartitions.swift"),
      .declarations(
        """
        /// What the last write of a key does that is not secured yet.
        func unsecured(_ key: HashedKey) -> LogRecord.Change? {
          pendingSequence(of: key).map { log.withRecord($0) { $0.record.change } }
        }

        """, before: "init(partition: Partition, token: FencingToken) {", in: "Drone/DataPartition.swift")),
    Mutant(
      "revealUnsecuredDelete", "Answers `not found` before the delete has its second place.",
      .foundBy(seed: 23),
      .before(
        "end = data.leaseEnd",
        """
        if case .delete = data.unsecured(key) {
          end = data.leaseEnd
          return DataAnswer.notFound(number: request.number).encode(into: &answers)
        }
        """, in: "Drone/SharedPartitions.swift")),
    Mutant(
      "applyRetryTwice", "Executes a write as often as it is asked.", .foundBy(seed: 14),
      .expression(
        "data.history.lookUp(request.write, of: client, digest)", is: "WriteHistory.Past.unseen",
        in: "Drone/DataCore.swift")),
    Mutant(
      "forgetOldest", "Forgets the oldest outcome, and not one of the principal that has most.",
      .foundBy(seed: 859),
      .before(
        "if let best = found, count < best.count || count == best.count && oldest >= best.oldest { return }",
        """
        if found.map({ oldest < $0.oldest }) ?? true { found = (place, count, oldest) }
        return
        """, in: "Drone/WriteHistory.swift")),
    Mutant(
      "emptyListFirst", "Has nobody on the list before the database has what only copies had.",
      .foundBy(seed: 14),
      .expression(
        "!list.isEmpty || sent >= secured", is: "!isRecovering || sent == log.end",
        in: "Drone/DataPartition.swift")),
    Mutant(
      "copyWithoutLog",
      "Begins a copy at what is in the table, without the log from what the database has.",
      .foundBy(seed: 91),
      .expression("min(data.applied, data.stored)", is: "data.applied", in: "Drone/DataCore+Streams.swift"),
      .before(
        "guard copy.tail.base <= sequence else { return .isIncomplete }",
        "if copy.tail.base > sequence { return .isBehind }", in: "Drone/DataCore+Opening.swift")),
    Mutant(
      "retireWithoutWaiting", "Ends, and gives everything back, whether the database has it or not.",
      .hidden(
        "It has what it had in its journal when it is started again; `CustodyTests` has that it waits."),
      .instead(
        of: "partitions.allSatisfy { $0?.isAtRest ?? true } && loading.allSatisfy { $0 == nil }", "true",
        in: "Drone/DataCore+Ending.swift")),
    Mutant(
      "ignoreCeiling", "Takes what clients put, whatever the memory ceiling.", .foundBy(seed: 10),
      .instead(of: "return !gate.isClosed", "return true", in: "Drone/DataCore+Memory.swift")),
  ]
}
