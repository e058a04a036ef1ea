import MutantSwitches
import Cluster

/// The end of this process, and that of the database.
extension DataCore {
  /// What a database that is about to end is owed of a partition: everything that may have been acknowledged before it
  /// said so. What comes later is acknowledged only once it is stored.
  struct Debt {
    let partition: Partition
    let token: FencingToken
    let through: UInt64
  }

  // MARK: The database ends

  /// The database has said that it is about to end. Until the session is over no shadow makes a write done: should this
  /// drone be about to end too, it could hand over nothing any more.
  mutating func heedEnding() {
    guard debts == nil else { return }
    var debts: [Debt] = []
    for case let data? in partitions {
      data.isDatabaseEnding = true
      guard data.stored < data.applied else { continue }
      debts.append(Debt(partition: data.partition, token: data.token, through: data.applied))
    }
    self.debts = debts
    isUrgent = isUrgent || hasWaiting
  }

  /// Whether the database has everything that was acknowledged before it said that it is about to end.
  var owesNothing: Bool {
    guard let debts else { return false }
    return debts.allSatisfy { debt in
      // What went to another drone meanwhile is that one's to hand over.
      guard let data = partitions[debt.partition.index], data.token == debt.token else { return true }
      return data.stored >= debt.through
    }
  }

  /// The session is over: shadows are a second place again, also for what waits.
  mutating func forgetEnding() -> [Completion] {
    guard debts != nil else { return [] }
    debts = nil
    var completions: [Completion] = []
    for case let data? in partitions {
      data.isDatabaseEnding = false
      completions += complete(data)
    }
    return completions
  }

  // MARK: This process ends

  /// Takes no write any more, and has the database told everything that is only in memory: whoever opens the partitions
  /// next loads them. To be repeated until nothing is unsaved: partitions may come meanwhile.
  mutating func retire() {
    isRetiring = true
    for case let data? in partitions {
      data.isRetiring = true
      if !data.isAtRest { enqueue(data.partition, urgently: true) }
    }
  }

  public var isRetired: Bool {
    if MutantSwitch.retireWithoutWaiting.isOn {
      true
    } else {
      partitions.allSatisfy { $0?.isAtRest ?? true } && loading.allSatisfy { $0 == nil }
    }
  }

  public func unsaved(_ now: Instant) -> Unsaved {
    var unsaved = Unsaved()
    for case let data? in partitions where !data.isAtRest {
      guard data.stored < data.log.end else {
        unsaved.lists += 1
        continue
      }
      unsaved.partitions += 1
      unsaved.records += Int(clamping: data.log.end - data.stored)
      unsaved.bytes += data.unstoredLength
      if let since = data.unstoredSince { unsaved.age = max(unsaved.age, now - since) }
    }
    return unsaved
  }
}
