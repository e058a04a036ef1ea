import Cluster
import Journal

/// What is left of this process should it die: the copies as far as the database may lack something of them, and what
/// earlier lives have left.
extension CopyShelf {
  /// The records that a copy has taken.
  func note(_ copy: PartitionCopy, behind sequence: UInt64) {
    guard let journal else { return }
    var next = sequence
    while next < copy.through {
      next += 1
      journal.append(copy.tail[next].record, to: copy.partition, next)
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
  func hasRoom(for batch: PartitionBatch) -> Bool {
    let length = batch.records.reduce(0) { $0 + $1.journalLength }
    return reserve(length, records: max(1, batch.records.count))
  }
}

extension LogRecord {
  /// What it takes when it is encoded, at most.
  var journalLength: Int { Self.journalLength(approximateLength) }

  /// - Parameter approximate: as `approximateLength` counts.
  static func journalLength(_ approximate: Int) -> Int { approximate + 24 }
}

extension DataCore {
  /// From now on this process stands for a partition as its owner.
  func hold(_ data: DataPartition) {
    journal?.hold(
      data.partition, life: incarnation, token: data.token, base: data.stored, wholeAt: data.stored)
  }

  /// What a client writes is in the journal before anybody is told of it.
  func note(_ record: LogRecord, in data: DataPartition) {
    journal?.append(record, to: data.partition, data.log.end)
  }

  /// Whether the journal has room for a write. Where it has none the database is behind, or the disk is full.
  func hasRoomInJournal(key: Int, value: Int) -> Bool {
    journal?.reserve(LogRecord.journalLength(key + value + 48)) ?? true
  }
}
