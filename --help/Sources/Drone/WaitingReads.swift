import Cluster

/// Reads of a partition whose answers wait until what they tell is in its second place, in the order in which they came.
struct WaitingReads {
  private struct Read {
    let replyTo: ReplyAddress
    let answer: DataCore.Completion.Answer
    /// Of the last write that it tells of.
    let sequence: UInt64

    var footprint: Int {
      guard case .versioned(let value, _) = answer else { return Footprint.waitingRead }
      return Footprint.waitingRead + value.count
    }
  }

  private var reads = Queue<Read>()
  /// In bytes.
  private(set) var footprint = 0

  var isEmpty: Bool { reads.isEmpty }

  /// - Parameter sequence: whoever comes later waits for no earlier one.
  mutating func add(_ answer: DataCore.Completion.Answer, for sequence: UInt64, to replyTo: ReplyAddress) {
    let read = Read(replyTo: replyTo, answer: answer, sequence: sequence)
    footprint += read.footprint
    reads.append(read)
  }

  /// The answers that wait for nothing behind this number.
  mutating func release(through sequence: UInt64, leaseEnd: Instant) -> [DataCore.Completion] {
    var released: [DataCore.Completion] = []
    while let read = reads.first, read.sequence <= sequence {
      _ = reads.popFirst()
      footprint -= read.footprint
      released.append(DataCore.Completion(replyTo: read.replyTo, read.answer, leaseEnd: leaseEnd))
    }
    return released
  }

  /// Who waits, when the partition goes away.
  mutating func abandon() -> [ReplyAddress] {
    var addresses: [ReplyAddress] = []
    while let read = reads.popFirst() { addresses.append(read.replyTo) }
    footprint = 0
    return addresses
  }
}
