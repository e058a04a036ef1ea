/// At a database and in its store.
extension Catalogue {
  static let databases: [Mutant] = [
    Mutant(
      "skipFence", "Appends whoever asks, behind what is there.", .foundBy(seed: 56),
      .expression(
        "PartitionFence.admission(batch, from: holder, stored: stored)",
        is: "PartitionFence.admission(batch, from: holder, stored: unfenced(stored, batch, holder))",
        in: "StoreRules/StoreRules.swift"),
      .declarations(
        """
        private func unfenced(
          _ stored: PartitionFence?, _ batch: PartitionBatch, _ holder: Principal
        ) -> PartitionFence? {
          guard let stored, stored.token != batch.token else { return stored }
          return PartitionFence(
            token: batch.token, holder: holder, incarnation: batch.incarnation, base: 0,
            sequence: batch.firstSequence - 1)
        }

        """, before: "private func append(", in: "StoreRules/StoreRules.swift")),
    Mutant(
      "checkFenceBeforeTransaction",
      "Compares the fence when the request comes instead of inside the transaction that appends.",
      .foundBy(seed: 250),
      .expression(
        "PartitionFence.admission(batch, from: holder, stored: stored)",
        is:
          "PartitionFence.admission(batch, from: holder, stored: earlier.fence(of: batch.partition, stored))",
        in: "StoreRules/StoreRules.swift"),
      .declarations(
        """
        package let earlier = EarlierFences()

        """, before: "package init(outcomes: OutcomeKeeping = OutcomeKeeping()) { self.outcomes = outcomes }",
        in: "StoreRules/StoreRules.swift"),
      .declarations(
        """
        /// The fences as they stood when a request came.
        package final class EarlierFences: @unchecked Sendable {
          package var fences: [Partition: PartitionFence] = [:]

          func fence(of partition: Partition, _ stored: PartitionFence?) -> PartitionFence? {
            guard var fence = fences[partition], let stored else { return stored }
            fence.sequence = stored.sequence
            return fence
          }
        }

        """, before: "package struct StoreRules: Sendable {", in: "StoreRules/StoreRules.swift"),
      .declarations(
        """
        /// A request has come, and waits for its turn.
        func noticed(_ request: StoreRequest) {
          guard case .append(_, let batches) = request else { return }
          for batch in batches {
            books?.rules.earlier.fences[batch.partition] = current.standing(of: batch.partition)
          }
        }

        """, before: "/// What was written is on the disk.", in: "Simulation/SimulatedStore.swift"),
      .expression(
        "handle(.requested(request, session: id))", is: "notice(request, of: id)",
        in: "Simulation/DatabaseMachine.swift"),
      .declarations(
        """
        private func notice(_ request: StoreRequest, of id: UInt64) {
          store.noticed(request)
          handle(.requested(request, session: id))
        }

        """, before: "private func closed(_ id: UInt64) {", in: "Simulation/DatabaseMachine.swift")),
    Mutant(
      "promoteUnlisted", "Lets a copy be promoted whoever is on the list.", .foundBy(seed: 34),
      .instead(
        of: "stored = try fences.fence(of: partition, rows)",
        "stored = listing(opening, in: try fences.fence(of: partition, rows))",
        in: "StoreRules/StoreRules.swift"),
      .declarations(
        """
        private func listing(_ opening: PartitionOpening, in stored: PartitionFence?) -> PartitionFence? {
          guard opening.mode == .promote, var stored, let copy = opening.copy else { return stored }
          stored.numbering = copy
          let life = opening.life ?? opening.incarnation
          let holder = Holder(principal: opening.holder, incarnation: life)
          stored.inSync = InSyncList(number: stored.inSync.number, holders: stored.inSync.holders + [holder])
          return stored
        }

        """, before: "private func append(", in: "StoreRules/StoreRules.swift")),
    Mutant(
      "promoteAnyJournal", "Lets the journal of any life be promoted.", .foundBy(seed: 92),
      .instead(
        of: "stored = try fences.fence(of: partition, rows)",
        """
        let fence = try fences.fence(of: partition, rows)
        stored = opening.life == nil ? fence : listing(opening, in: fence)
        """, in: "StoreRules/StoreRules.swift")),
    Mutant(
      "dropTombstoneEarly",
      "Forgets at the next folding what was deleted since the one before, and not the value that it had.",
      .foundBy(seed: 2),
      .expression(
        "KeyChange(record, version)", is: "KeyChange(record, version).flatMap { $0.value == nil ? nil : $0 }",
        in: "StoreRules/FoldPass.swift")),
    Mutant(
      "acceptOldGrant", "Opens partitions by grants of a lower term.", .foundBy(seed: 164),
      .expression("opening.token.term == current", is: "true", in: "StoreRules/StoreRules.swift"),
      .expression(
        "GrantCheck(identity: identity, term: term, keys: keys)",
        is: "GrantCheck(identity: identity, term: grant.term, keys: keys)", in: "Database/DatabaseCore.swift")
    ),
    Mutant(
      "keepOldOffice", "Obeys a commander of a lower term, and ends no session of his.", .foundBy(seed: 2),
      .before(
        "guard case .commander(let office) = sessions[session]?.peer, office < term else { continue }",
        "continue", in: "Database/DatabaseCore+Control.swift"),
      .expression("office < term", is: "false", in: "Database/DatabaseCore.swift"),
      .expression("key.term >= term", is: "true", in: "StoreRules/StoreRules.swift")),
    Mutant(
      "believeStore", "Uses whatever store there is.", .foundBy(seed: 115),
      .before(
        "if case .accepted = use { return true }", "return true", in: "Database/DatabaseCore+Store.swift")),
  ]
}
