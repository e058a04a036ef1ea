import Cluster
import Wire

/// Slowing writers down: what is acknowledged before the database has it is bounded, by answering later.
extension DataCore {
  /// Bytes of records that the database does not have.
  public var backlog: Int { shares.unstored }

  /// Tells whoever can be told that his write is done.
  mutating func complete(_ data: DataPartition) -> [Completion] {
    var completions: [Completion] = []
    data.applyPlaced { replyTo, entry, sequence, outcome, isStored in
      let completion = Completion(replyTo: replyTo, .done(outcome))
      if isStored || shares.acknowledges(of: entry.mark, entry.length, window: window) {
        completions.append(completion)
        return true
      }
      shares.hold(
        BacklogShares.HeldAnswer(
          partition: data.partition, token: data.token, sequence: sequence,
          length: entry.length, completion: completion),
        of: entry.mark)
      return false
    }
    if !data.reads.isEmpty {
      waitingReads -= data.reads.footprint
      completions += data.reads.release(through: data.secured, leaseEnd: data.leaseEnd)
      waitingReads += data.reads.footprint
    }
    held.recount(data)
    return completions
  }

  /// Has the answer to a read wait until what it tells is in its second place.
  mutating func wait(
    for sequence: UInt64, _ key: HashedKey, in data: DataPartition, _ replyTo: ReplyAddress,
    _ answers: inout CBORWriter
  ) {
    guard waitingReads < bounds.waitingReads else {
      return DataAnswer.unavailable(number: replyTo.number, .busy).encode(into: &answers)
    }
    let answer = data.table.withEntry(of: key) { value, version in
      value.map { Completion.Answer.versioned([UInt8]($0), version()) } ?? .notFound
    }
    waitingReads -= data.reads.footprint
    // Behind those that wait already, so that they leave in order.
    data.reads.add(answer, for: sequence, to: replyTo)
    waitingReads += data.reads.footprint
    held.recount(data)
    if data.needsDatabase { data.await(sequence) }
    enqueue(data.partition, urgently: data.needsDatabase)
  }

  /// Whether whoever asked for the last write, which is in the table, is told at once; else when the database has caught
  /// up.
  mutating func acknowledge(_ data: DataPartition, _ record: LogRecordView, _ replyTo: ReplyAddress) -> Bool {
    let (mark, length) = (record.client.principalMark, record.approximateLength)
    if shares.acknowledges(of: mark, length, window: window) {
      data.acknowledge(data.log.end)
      return true
    }
    shares.hold(
      BacklogShares.HeldAnswer(
        partition: data.partition, token: data.token, sequence: data.log.end, length: length,
        completion: Completion(replyTo: replyTo, .done(record.outcome))), of: mark)
    return false
  }

  /// Looks how far the database may be behind now.
  /// - Returns: the answers that need not wait any more.
  mutating func release(_ now: Instant, timing: Timing) -> [Completion] {
    window = pace.window(now, timing: timing)
    var completions: [Completion] = []
    let partitions = partitions
    shares.release(
      window: window,
      isStored: { answer in
        guard let data = partitions[answer.partition.index], data.token == answer.token else { return true }
        return answer.sequence <= data.stored
      },
      { answer, isStored in
        if !isStored { partitions[answer.partition.index]?.acknowledge(answer.sequence) }
        completions.append(answer.completion)
      })
    return completions
  }

  /// Whether so much waits that a write is turned away: answers have been held back for long.
  mutating func isFull(for client: ClientIncarnation) -> Bool {
    shares.isFull(client.principalMark, bound: bounds.backlog + bounds.backlog / 4)
  }

  /// The database is not to be told by this drone of what it lacks of a partition.
  mutating func disown(_ data: DataPartition) {
    data.forEachUnstored { shares.remove(of: $0.mark, $0.length, isAcknowledged: $0.isAcknowledged) }
  }
}
