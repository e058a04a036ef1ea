import Cluster

/// What the database does not have yet of a drone that is about to end.
public struct Unsaved: Equatable, Sendable {
  public var records = 0
  /// Of these records, about.
  public var bytes = 0
  /// Partitions whose records it lacks.
  public var partitions = 0
  /// Partitions of which it has every record, and where it still lists copies in sync: whoever opens them would ask for
  /// a memory that is gone.
  public var lists = 0
  /// Milliseconds since the oldest record came.
  public var age: Int64 = 0

  public init() {}

  public var isEmpty: Bool { partitions == 0 && lists == 0 }

  public static func + (left: Unsaved, right: Unsaved) -> Unsaved {
    var sum = Unsaved()
    sum.records = left.records + right.records
    sum.bytes = left.bytes + right.bytes
    sum.partitions = left.partitions + right.partitions
    sum.lists = left.lists + right.lists
    sum.age = max(left.age, right.age)
    return sum
  }
}

/// What a database that is about to end is owed: everything that may have been acknowledged before it said so. What
/// comes later is acknowledged only once it is stored.
struct EndingDatabase {
  struct Debt {
    let partition: Partition
    let token: FencingToken
    let through: UInt64
  }
  var debts: [Debt]
}

/// The end of this process, and that of the database.
extension DataCore {
  // MARK: The database ends

  /// The database has said that it is about to end. Until the session is over no shadow makes a write done: should this
  /// drone be about to end too, it could hand over nothing any more.
  mutating func heedEnding() {
    guard ending == nil else { return }
    var debts: [EndingDatabase.Debt] = []
    for case let data? in partitions {
      data.isDatabaseEnding = true
      guard data.stored < data.applied else { continue }
      debts.append(.init(partition: data.partition, token: data.token, through: data.applied))
    }
    ending = EndingDatabase(debts: debts)
    isUrgent = isUrgent || hasWaiting
  }

  /// Whether the database has everything that was acknowledged before it said that it is about to end.
  var owesNothing: Bool {
    guard let ending else { return false }
    return ending.debts.allSatisfy { debt in
      // What went to another drone meanwhile is that one's to hand over.
      guard let data = partitions[debt.partition.index], data.token == debt.token else { return true }
      return data.stored >= debt.through
    }
  }

  /// The session is over: shadows are a second place again, also for what waits.
  mutating func forgetEnding() -> [Completion] {
    guard ending != nil else { return [] }
    ending = nil
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
    #if KEYVAL_MUTATIONS
      if mutations.contains(.retireWithoutWaiting) { return true }
    #endif
    return partitions.allSatisfy { $0?.isAtRest ?? true } && loading.allSatisfy { $0 == nil }
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
