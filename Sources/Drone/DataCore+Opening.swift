import Cluster

/// Copies that are to be promoted: of one token, and of one life of the drone.
public struct PromotedCopies: Equatable, Sendable {
  public let token: FencingToken
  /// Nil: this one.
  public let life: Incarnation?
  public var partitions: PartitionSet

  public init(token: FencingToken, life: Incarnation? = nil, partitions: PartitionSet) {
    self.token = token
    self.life = life
    self.partitions = partitions
  }
}

/// How partitions come to this loop: loaded from the database, or promoted from a copy.
extension DataCore {
  /// Begins to open partitions under a grant.
  /// - Returns: for a promotion the partitions by the copies, in order; those of which there is no copy are missing.
  public mutating func beginOpening(
    _ set: PartitionSet, token: FencingToken, mode: Grant.Mode
  ) -> [PromotedCopies] {
    guard mode == .promote else {
      // A copy stays until the partition is loaded: if the database refuses, it may be the one that is needed.
      for partition in set { setLoading(partition, DataPartition(partition: partition, token: token)) }
      return []
    }
    var copies: [PromotedCopies] = []
    for partition in set {
      guard let copy = copyStore.whole(partition) else { continue }
      setLoading(partition, DataPartition(partition: partition, token: token))
      if let index = copies.firstIndex(where: { $0.token == copy.token && $0.life == copy.life }) {
        copies[index].partitions.insert(partition)
      } else {
        copies.append(PromotedCopies(token: copy.token, life: copy.life, partitions: [partition]))
      }
    }
    return copies.sorted { ($0.token, $0.life?.number ?? 0) < ($1.token, $1.life?.number ?? 0) }
  }

  /// Whether this partition is being loaded under this token.
  public func isLoading(_ partition: Partition, token: FencingToken) -> Bool {
    loading[partition.index]?.token == token
  }

  /// - Returns: whether there was room for them.
  @discardableResult
  public mutating func load(
    _ entries: StoredEntries, into partition: Partition, token: FencingToken
  ) -> Bool {
    guard let data = loading[partition.index], data.token == token else { return true }
    data.table.set(entries)
    held.recount(data)
    guard data.table.isFull || !gate.hasRoomForRecords(held: memory) else { return true }
    loadNeeds[partition] = data.counted + data.counted / 4
    return false
  }

  /// What opening a partition has come to.
  public enum Opened: Equatable, Sendable {
    /// It is served from the next lease on.
    case ready
    /// It will be, when the database has what the copy had: `AppendOutcome.recovered`.
    case recovering
    /// The database has every record of the copy, and more, or all of it but records: the contents are to be asked for.
    case isBehind
    /// The copy lacks records between what the database has and its own log. That cannot be, since copies carry the log
    /// from what is stored; and to load from the database would pass over what only this copy has.
    case isIncomplete
    /// It is not being opened under this token.
    case unknown
  }

  /// Everything has come from the database.
  public mutating func finishLoading(
    _ partition: Partition, token: FencingToken, sequence: UInt64, inSync: InSyncList = .empty,
    past: PastWrites
  ) -> Opened {
    guard let data = loading[partition.index], data.token == token else { return .unknown }
    let history = WriteHistory(bounds.history, past)
    if standing.contains(partition), let copy = copyStore.whole(partition), copy.through > sequence {
      // An earlier life of this drone had more. From here on it is a copy like any other.
      held.discount(data)
      copyStore.fill(copy, data.table, history, through: sequence)
      return promote(partition, token: token, sequence: sequence, inSync: inSync)
    }
    data.finishLoading(sequence: sequence, inSync: inSync, history: history)
    return install(data)
  }

  /// The database has raised the fence for this drone's copy.
  /// - Parameter sequence: the database has every record up to it.
  public mutating func promote(
    _ partition: Partition, token: FencingToken, sequence: UInt64, inSync: InSyncList
  ) -> Opened {
    guard let data = loading[partition.index], data.token == token, let copy = copyStore.whole(partition)
    else {
      return .unknown
    }
    guard copy.tail.base <= sequence else { return .isIncomplete }
    if copy.isBare {
      // What the database has of it is not wanted twice.
      copyStore.release(copy, through: sequence)
      standing.insert(partition)
      return .isBehind
    }
    guard copy.through >= sequence else { return .isBehind }
    data.promote(copy, sequence: sequence, inSync: inSync)
    data.forEachUnstored { shares.add(of: $0.mark, $0.length, isAcknowledged: $0.isAcknowledged) }
    return install(data)
  }

  private mutating func install(_ data: DataPartition) -> Opened {
    let partition = data.partition
    data.isDatabaseEnding = isDatabaseEnding
    data.isRetiring = isRetiring
    setLoading(partition, nil)
    loadNeeds[partition] = nil
    if let old = partitions[partition.index] {
      old.hide()
      quotas.remove(old)
    }
    partitions[partition.index] = data
    quotas.add(data)
    held.recount(data)
    // While it recovers its copy stays: should another promotion overtake this one, it may be the one that is needed.
    guard data.isRecovering else {
      copyStore.remove(partition)
      hold(data)
      data.show(in: shared.place(of: partition))
      adjustStreams(of: partition)
      return .ready
    }
    enqueue(partition, urgently: true)
    return .recovering
  }

  /// Gives up what is being opened. A copy that was to be promoted stays what it was.
  public mutating func abandonLoading(_ partitions: PartitionSet, token: FencingToken) {
    for partition in partitions where loading[partition.index]?.token == token {
      setLoading(partition, nil)
    }
  }

  /// Recovering partitions: their session with the database is over, and the grant has to be shown anew.
  public var recovering: PartitionSet {
    PartitionSet(Partition.all.filter { partitions[$0.index]?.isRecovering ?? false })
  }
}
