import Cluster
import Wire

/// What goes to the database, and what its answers mean.
extension DataCore {
  /// Room for batches in one append: what a record takes less the head of the request.
  static let appendRoom = Limits.maximumPlaintextLength - 32
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

  /// The next append: everything that waits, as far as it fits one record. Empty when nothing waits, or when
  /// the one before has not been answered.
  public mutating func takeAppend() -> [PartitionBatch] {
    guard !isAppending else { return [] }
    isUrgent = false
    var room = Self.appendRoom
    var batches: [PartitionBatch] = []
    var rest: [Partition] = []
    for partition in waiting {
      guard let data = partitions[partition.index], data.hasUnsaid else {
        isWaiting[partition.index] = false
        continue
      }
      room -= Self.batchHead
      if let batch = data.takeBatch(incarnation: incarnation, room: &room) {
        batches.append(batch)
        inFlight.append(Flight(partition: partition, token: data.token, list: batch.inSync))
      }
      if data.hasUnsaid { rest.append(partition) } else { isWaiting[partition.index] = false }
    }
    waiting = rest
    // What did not fit must not wait for longer than the rest.
    if !rest.isEmpty { isUrgent = true }
    isAppending = !batches.isEmpty
    return batches
  }

  public mutating func settle(_ results: [StoreAnswer.PartitionResult]) -> Settlement {
    var settlement = Settlement()
    for result in results {
      guard let flight = inFlight.first(where: { $0.partition == result.partition }),
        let data = partitions[result.partition.index], data.token == flight.token
      else { continue }
      switch result.result {
      case .stored(let sequence) where sequence <= data.handed:
        let wasRecovering = data.isRecovering
        backlog -= data.store(through: sequence, flight.list)
        settlement.completions += complete(data)
        markStreams(of: data)
        if wasRecovering, !data.isRecovering {
          shelf.remove(result.partition)
          settlement.recovered.append(Holding(token: data.token, partitions: [result.partition]))
          adjustStreams(of: result.partition)
        }
      case .stored, .fenced, .gap:
        // Somebody else has it, or this copy is not what the database has (more, say, than it was ever sent
        // from here): either way it is given up, and what waits is asked of the next owner, which knows what
        // was stored.
        settlement.completions += abandon(result.partition)
        settlement.lost.append(Holding(token: data.token, partitions: [result.partition]))
      }
    }
    // What the answer left open goes out again.
    retryAppend()
    return settlement
  }

  /// Tells whoever can be told that his write is done.
  func complete(_ data: DataPartition) -> [Completion] {
    var completions: [Completion] = []
    data.settle { origin, record in
      completions.append(Completion(origin: origin, result: .done(existed: record.existed)))
    }
    return completions
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
      if let data = partitions[partition.index] { shelf.put(data.copy()) }
      completions += abandon(partition)
    }
    return completions
  }

  mutating func abandon(_ partition: Partition) -> [Completion] {
    guard let data = partitions[partition.index] else { return [] }
    partitions[partition.index] = nil
    backlog -= data.unstoredLength
    for stream in data.streams { queues[stream.peer]?.remove(partition) }
    return data.abandon().map { waiting in
      Completion(origin: waiting.origin, result: .unavailable(.released))
    }
  }
}
