import Cluster
import Journal

/// A partition's contents in the memory of a drone that does not serve it: a shadow, or an owner that has stopped. Or what
/// an earlier life of the drone has left of them in its journal.
final class PartitionCopy: Counted {
  let partition: Partition
  /// The token under which the records are numbered.
  let token: FencingToken
  var table: Table
  var history: WriteHistory
  /// The records that the database may lack. All of them are in the table.
  private(set) var tail: WriteLog
  var tailLength: Int { tail.length }
  /// Whole from this record on; nil while entries are still coming.
  private(set) var wholeAt: UInt64?
  /// The life of this drone that it is of, where that was an earlier one: nothing is added to it.
  let life: Incarnation?
  /// It has records only, and what they follow is at the database.
  private(set) var isBare = false

  var counted = 0
  var footprint: Int { table.footprint + history.footprint + tail.footprint }

  /// The last record that it has.
  var through: UInt64 { tail.end }
  var isWhole: Bool { wholeAt.map { through >= $0 } ?? false }

  /// An empty one, to be filled with entries as they are at this record.
  init(partition: Partition, token: FencingToken, sequence: UInt64, history: WriteHistory) {
    self.partition = partition
    self.token = token
    self.history = history
    life = nil
    table = Table()
    tail = WriteLog(base: sequence)
  }

  /// What a journal has of it.
  init(_ stand: JournalStand) {
    partition = stand.partition
    token = stand.token
    life = stand.life
    history = WriteHistory()
    table = Table()
    tail = WriteLog(base: stand.base)
    wholeAt = stand.base
    isBare = true
    for record in stand.records { record.withView(keep) }
  }

  /// To be called with each heartbeat.
  func rest() { tail.rest() }

  /// Takes what the database has of it, of which there are records up to `sequence`; its own follow.
  func fill(_ table: Table, _ history: WriteHistory, through sequence: UInt64) {
    self.table = table
    self.history = history
    isBare = false
    var next = max(tail.base, sequence)
    while next < tail.end {
      next += 1
      tail.withRecord(next) { apply($0, next) }
    }
  }

  /// What an owner had.
  init(of owner: borrowing OwnedContents) {
    partition = owner.partition
    token = owner.token
    life = nil
    table = owner.table
    history = owner.history
    tail = WriteLog(base: owner.stored)
    wholeAt = owner.log.end
    var sequence = owner.stored
    while sequence < owner.log.end {
      sequence += 1
      owner.log.withRecord(sequence) { record in
        // What the owner had not secured yet becomes true with the rest if this copy is promoted.
        if sequence > owner.applied { apply(record, sequence) }
        keep(record)
      }
    }
  }

  func add(_ entries: [StoredEntry]) {
    for entry in entries { table.set(entry) }
  }

  /// All entries have come.
  func complete(at sequence: UInt64) { wholeAt = sequence }

  /// Appends the records behind what is there; false when there is a gap. What is there already is passed over.
  func append(_ batch: PartitionBatch) -> Bool {
    guard batch.firstSequence - 1 <= through else { return false }
    var known = through - (batch.firstSequence - 1)
    batch.records.forEachView { record in
      if known > 0 {
        known -= 1
      } else {
        apply(record, through + 1)
        keep(record)
      }
    }
    return true
  }

  private func keep(_ record: LogRecordView) {
    tail.append(record, WriteLog.Entry(level: .secured, since: nil, isAcknowledged: true))
  }

  private func apply(_ record: LogRecordView, _ sequence: UInt64) {
    table.apply(record, HashedKey(record.key), Version(fence: token, sequence: sequence))
    history.complete(record, sequence: sequence)
  }

  /// The database has the records up to this one.
  func release(_ stored: UInt64) {
    tail.drop(through: min(stored, tail.end))
  }
}

/// What a copy is made of when its owner stops.
struct OwnedContents {
  let partition: Partition
  let token: FencingToken
  let table: Table
  let history: WriteHistory
  let log: WriteLog
  let applied: UInt64
  let stored: UInt64
}
