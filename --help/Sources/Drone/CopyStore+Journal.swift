import Cluster
import Journal

/// What is left of this process should it die: the copies as far as the database may lack something of them, and what
/// earlier lives have left.
extension CopyStore {
  /// The records that a copy has taken.
  func note(_ copy: PartitionCopy, behind sequence: UInt64) {
    guard let journal else { return }
    var next = sequence
    while next < copy.through {
      next += 1
      copy.tail.withEncoded(next) { journal.append($0, to: copy.partition, next) }
    }
  }

  /// What earlier lives have left, and nobody has taken over.
  mutating func put(_ stands: [JournalStand]) { for stand in stands { put(PartitionCopy(stand)) } }

  /// The database has sent what is under a copy that had records only.
  mutating func fill(
    _ copy: PartitionCopy, _ table: Table, _ history: WriteHistory, through sequence: UInt64
  ) {
    copy.fill(table, history, through: sequence)
    recount(copy)
  }

  /// Of the whole copies those that an earlier life had.
  var journaled: PartitionSet {
    PartitionSet(Partition.all.filter { whole($0)?.life != nil })
  }
}

extension Journal.Bounds {
  /// Enough for all that a loop may have that the database lacks: then only a full disk makes a writer wait.
  public init(for bounds: DataBounds) {
    let (backlog, overflow) = bounds.backlog.multipliedReportingOverflow(by: 2)
    let (needed, more) = bounds.tail.addingReportingOverflow(overflow ? .max / 4 : backlog)
    self.init(longest: more || needed > 1 << 29 ? 1 << 30 : needed * 2)
  }
}

extension Journal {
  /// - Parameter length: of all these records, as `approximateLength` counts.
  func hasRoom(for length: Int, records: Int) -> Bool {
    reserve(length + records * LogRecord.journalSlack, records: max(1, records))
  }
}

extension LogRecord {
  /// What one takes besides its approximate length when it is encoded, at most.
  fileprivate static let journalSlack = 24
}

extension DataCore {
  /// From now on this process stands for a partition as its owner.
  func hold(_ data: DataPartition) {
    journal?.hold(
      data.partition, life: incarnation, token: data.token, base: data.stored, wholeAt: data.stored)
  }

  /// What a client writes is in the journal before anybody is told of it.
  func note(in data: DataPartition) {
    guard let journal else { return }
    data.log.withEncoded(data.log.end) { journal.append($0, to: data.partition, data.log.end) }
  }

  /// Whether the journal has room for a write. Where it has none the database is behind, or the disk is full.
  func hasRoomInJournal(key: Int, value: Int) -> Bool {
    journal?.reserve(key + value + 48 + LogRecord.journalSlack) ?? true
  }
}
