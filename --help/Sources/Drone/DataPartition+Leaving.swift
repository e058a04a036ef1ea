import Cluster

/// What is left of a partition, and who has to be told, when it is not served here any more.
extension DataPartition {
  /// Gives up; whoever waits is to ask again.
  func abandon() -> [ReplyAddress] {
    var waiting = reads.abandon()
    var sequence = log.base
    while sequence < log.end {
      sequence += 1
      if let replyTo = log[sequence].replyTo { waiting.append(replyTo) }
    }
    return waiting
  }

  /// Bytes of records that the database does not have.
  var unstoredLength: Int {
    var length = 0
    forEachUnstored { length += $0.length }
    return length
  }

  func forEachUnstored(_ body: (WriteLog.Entry) -> Void) {
    var sequence = stored
    while sequence < log.end {
      sequence += 1
      body(log[sequence])
    }
  }

  /// What is left of it when it is not served here any more.
  func copy() -> PartitionCopy {
    PartitionCopy(
      of: OwnedContents(
        partition: partition, token: numbering, table: table, history: history, log: log, applied: applied,
        stored: stored))
  }
}
