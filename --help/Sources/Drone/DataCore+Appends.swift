import Cluster

/// What goes to the database, and what its answers mean.
extension DataCore {
  /// What a batch takes besides its records, and besides a list of copies.
  static let batchHead = 72

  public var hasWaiting: Bool { !waiting.isEmpty }

  /// The database is to be told something of this partition.
  /// - Parameter urgently: somebody waits for it; otherwise it has the time of the write-behind.
  mutating func enqueue(_ partition: Partition, urgently: Bool) {
    if urgently { isUrgent = true }
    guard !isWaiting[partition.index] else { return }
    isWaiting[partition.index] = true
    waiting.append(partition)
  }

  /// The next append, as much of what waits as is a good length for one: first the partitions where somebody waits for
  /// the database, then the others, and of each only a share, so that none has to wait until another has nothing left.
  /// Empty when nothing waits, or when the one before has not been answered.
  public mutating func takeAppend() -> [PartitionBatch] {
    guard !isAppending else { return [] }
    isUrgent = false
    var room = bounds.appendRoom
    var batches: [PartitionBatch] = []
    var untouched: [Partition] = []
    var begun: [Partition] = []
    let order = waitingInOrder()
    let preferred = passedOver
    overdue = nil
    passedOver = nil
    for partition in order {
      guard let data = partitions[partition.index], data.hasUnsaid else {
        isWaiting[partition.index] = false
        continue
      }
      guard room > bounds.appendRoom - bounds.appendLength else {
        untouched.append(partition)
        continue
      }
      room -= Self.batchHead
      if let batch = data.takeBatch(incarnation: incarnation, room: &room, share: bounds.batchShare) {
        batches.append(batch)
        inFlight.append(Flight(partition: partition, token: data.token, list: batch.inSync))
      } else {
        overdue = overdue ?? partition
      }
      if data.hasUnsaid { begun.append(partition) } else { isWaiting[partition.index] = false }
    }
    if let preferred {
      // A long record may have taken its turn.
      if untouched.contains(preferred) { passedOver = preferred }
    } else {
      passedOver = untouched.first { !isAwaited($0) }
    }
    waiting = untouched + begun
    // What did not fit must not wait for longer than the rest.
    if !waiting.isEmpty { isUrgent = true }
    isAppending = !batches.isEmpty
    return batches
  }

  /// First the one whose next record is so long that the last append had no room left for it, and the one that waited
  /// longest when the last append had room only for others; then those where somebody waits for the database; else the
  /// order in which they began to wait.
  ///
  /// Without the second rule a partition where nobody waits would never be stored while others fill every append, and
  /// shadows keep the records that are not: they would have no room for more, and the writers there would wait for the
  /// database, too.
  private func waitingInOrder() -> [Partition] {
    func rank(_ partition: Partition) -> Int {
      if partition == overdue { return 0 }
      if partition == passedOver { return 1 }
      return isAwaited(partition) ? 2 : 3
    }
    var ranks: [[Partition]] = [[], [], [], []]
    for partition in waiting { ranks[rank(partition)].append(partition) }
    let room = bounds.appendLength
    for rank in [2, 3] {
      ranks[rank] = inTurn(ranks[rank], room: room) { [partitions, shortLength] partition in
        guard let data = partitions[partition.index] else { return 0 }
        return data.log.length(after: data.sent, upTo: shortLength)
      }
    }
    return Array(ranks.joined())
  }

  private func isAwaited(_ partition: Partition) -> Bool { partitions[partition.index]?.isAwaited ?? false }

  public mutating func appended(_ results: [StoreAnswer.PartitionResult]) -> AppendOutcome {
    var outcome = AppendOutcome()
    for (place, result) in results.enumerated() {
      guard let flight = flight(of: result.partition, at: place),
        let data = partitions[result.partition.index], data.token == flight.token
      else { continue }
      switch result.result {
      case .stored(let sequence) where sequence <= data.handed:
        let wasRecovering = data.isRecovering
        data.store(through: sequence, flight.list) {
          shares.remove(of: $0.mark, $0.length, isAcknowledged: $0.isAcknowledged)
        }
        journal?.stored(result.partition, through: data.stored)
        outcome.completions += complete(data)
        markStreams(of: data)
        if wasRecovering, !data.isRecovering {
          copyStore.remove(result.partition)
          hold(data)
          data.show(in: shared.place(of: result.partition))
          outcome.recovered.append(Holding(token: data.token, partitions: [result.partition]))
          adjustStreams(of: result.partition)
        }
      case .stored, .fenced, .gap:
        // Somebody else has it, or this copy is not what the database has (more, say, than it was ever sent
        // from here): either way it is given up, and what waits is asked of the next owner, which knows what
        // was stored. Should whoever has fenced it off come to nothing, what was in memory here may be the one that is
        // needed.
        keepCopy(data)
        outcome.completions += abandon(result.partition)
        outcome.lost.append(Holding(token: data.token, partitions: [result.partition]))
      }
    }
    // What the answer left open goes out again.
    retryAppend()
    return outcome
  }

  /// Results come in the order of what was sent, as a rule.
  private func flight(of partition: Partition, at place: Int) -> Flight? {
    if place < inFlight.count, inFlight[place].partition == partition { return inFlight[place] }
    return inFlight.first { $0.partition == partition }
  }

  /// The append may not have reached the database: it goes out again, and the database recognises what it has.
  public mutating func retryAppend() {
    let flights = inFlight
    inFlight.removeAll(keepingCapacity: true)
    isAppending = false
    for flight in flights {
      guard let data = partitions[flight.partition.index], data.token == flight.token else { continue }
      data.unsend()
      if data.hasUnsaid { enqueue(flight.partition, urgently: data.needsDatabase || data.isRecovering) }
    }
  }

  /// Milliseconds since the oldest write that the database does not have.
  public func behind(_ now: Instant) -> Int64 {
    var oldest = now
    for partition in waiting {
      if let since = partitions[partition.index]?.unstoredSince { oldest = min(oldest, since) }
    }
    for flight in inFlight {
      if let since = partitions[flight.partition.index]?.unstoredSince { oldest = min(oldest, since) }
    }
    return now - oldest
  }

  // MARK: Giving up

  /// Stops serving. Writes that wait are answered so that the client asks the next owner, as a retry: they may be
  /// true already, or become so. What was in memory stays as a copy, since the database may lack some of it.
  public mutating func close(_ set: PartitionSet) -> [Completion] {
    var completions: [Completion] = []
    for partition in set {
      if let data = partitions[partition.index] { keepCopy(data) }
      completions += abandon(partition)
    }
    return completions
  }

  /// While it recovers, the copy that it was promoted from is on the copyStore still, and has its token.
  private mutating func keepCopy(_ data: DataPartition) {
    if !data.isRecovering { copyStore.put(data.copy()) }
  }

  mutating func abandon(_ partition: Partition) -> [Completion] {
    guard let data = partitions[partition.index] else { return [] }
    data.hide()
    partitions[partition.index] = nil
    quotas.remove(data)
    held.discount(data)
    disown(data)
    for stream in data.streams { queues[stream.peer]?.remove(partition) }
    waitingReads -= data.reads.footprint
    return data.abandon().map { Completion(replyTo: $0, .unavailable(.released)) }
  }
}
