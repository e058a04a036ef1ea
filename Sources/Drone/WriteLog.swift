import Cluster

/// The records of a partition that somebody still needs: the table, the database, or a shadow. In the order of their
/// sequence numbers, without a gap.
struct WriteLog {
  struct Entry {
    let record: LogRecord
    let level: AcknowledgementLevel
    /// When it came; nil when that was elsewhere.
    let since: Instant?
    /// Whoever waits to be told; nil once he has been, or where nobody waits.
    var origin: Origin?
    /// Somebody was told that it is done before the database had it, or may have been, elsewhere.
    var isAcknowledged = false
  }

  /// The number of the last record that is not kept any more.
  private(set) var base: UInt64
  private var entries: [Entry] = []
  /// Entries before this one are void: taking them out one by one would move all others each time.
  private var head = 0
  private(set) var footprint = 0

  init(base: UInt64 = 0) { self.base = base }

  /// The number of the last record.
  var end: UInt64 { base + UInt64(count) }
  var count: Int { entries.count - head }

  func contains(_ sequence: UInt64) -> Bool { sequence > base && sequence <= end }

  /// The record of a number that the log contains.
  subscript(sequence: UInt64) -> Entry {
    get { entries[head + Int(sequence - base) - 1] }
    set { entries[head + Int(sequence - base) - 1] = newValue }
  }

  mutating func append(_ entry: Entry) {
    entries.append(entry)
    footprint += entry.record.footprint
  }

  /// Lets go of the records up to this number; those that are not there are passed over.
  mutating func drop(through sequence: UInt64) {
    guard sequence > base else { return }
    let dropped = min(count, Int(clamping: sequence - base))
    for entry in entries[head..<head + dropped] { footprint -= entry.record.footprint }
    head += dropped
    base += UInt64(dropped)
    guard head >= 64, head * 2 >= entries.count else { return }
    entries.removeFirst(head)
    head = 0
  }

  /// Consecutive records behind `sequence`, as many as fit into the room, which shrinks by them. None when not even
  /// one does, or when what follows is not kept any more.
  func records(after sequence: UInt64, room: inout Int) -> [LogRecord] {
    guard sequence >= base, sequence < end else { return [] }
    var records: [LogRecord] = []
    for index in (head + Int(sequence - base))..<entries.count {
      let length = entries[index].record.approximateLength
      guard room >= length else { break }
      room -= length
      records.append(entries[index].record)
    }
    return records
  }
}

extension LogRecord {
  /// While it is kept. Its value is the table's, too, or will be: counted twice until nobody needs the record.
  fileprivate var footprint: Int {
    guard case .put(let value) = change else { return Footprint.record + Footprint.bytes(key.count) }
    return Footprint.record + Footprint.bytes(key.count) + Footprint.bytes(value.count)
  }
}
