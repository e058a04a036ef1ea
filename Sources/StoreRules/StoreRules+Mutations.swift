import Cluster

/// Where the simulator makes the rules wrong, to see whether it notices.
#if KEYVAL_MUTATIONS
  extension StoreRules {
    var acceptsOldGrants: Bool { mutations.contains(.acceptOldGrant) }
    var obeysOldOffices: Bool { mutations.contains(.keepOldOffice) }
    var dropsTombstones: Bool { mutations.contains(.dropTombstoneEarly) }

    func judged(_ stored: PartitionFence?, _ opening: PartitionOpening) -> PartitionFence? {
      let isBelieved =
        mutations.contains(.promoteUnlisted)
        || opening.life != nil && mutations.contains(.promoteAnyJournal)
      guard isBelieved, opening.mode == .promote, var stored, let copy = opening.copy else { return stored }
      stored.origin = copy
      let life = opening.life ?? opening.incarnation
      let holder = Holder(principal: opening.holder, incarnation: life)
      stored.inSync = InSyncList(number: stored.inSync.number, holders: stored.inSync.holders + [holder])
      return stored
    }

    func judged(
      _ stored: PartitionFence?, _ batch: PartitionBatch, _ holder: Principal
    ) -> PartitionFence? {
      if mutations.contains(.skipFence), let stored, stored.token != batch.token {
        // What comes is appended behind what is there.
        return PartitionFence(
          token: batch.token, holder: holder, incarnation: batch.incarnation, base: 0,
          sequence: batch.firstSequence - 1)
      }
      if mutations.contains(.checkFenceBeforeTransaction), var fence = earlier[batch.partition], let stored {
        fence.sequence = stored.sequence
        return fence
      }
      return stored
    }
  }
#else
  extension StoreRules {
    var acceptsOldGrants: Bool { false }
    var obeysOldOffices: Bool { false }
    var dropsTombstones: Bool { false }

    func judged(_ stored: PartitionFence?, _ opening: PartitionOpening) -> PartitionFence? { stored }

    func judged(
      _ stored: PartitionFence?, _ batch: PartitionBatch, _ holder: Principal
    ) -> PartitionFence? { stored }
  }
#endif
