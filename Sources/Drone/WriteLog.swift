import Cluster
import Wire

/// The records of a partition that somebody still needs: the table, the database, or a shadow. In the order of their
/// sequence numbers, without a gap.
///
/// A record is encoded once, when it is appended. These bytes go to the database and to shadows; beside them stands what
/// this process alone has to know of it.
package struct WriteLog {
  package struct Entry {
    let level: AcknowledgementLevel
    /// When it came; nil when that was elsewhere.
    let since: Instant?
    /// Whoever waits to be told; nil once he has been, or where nobody waits.
    var replyTo: ReplyAddress?
    /// Somebody was told that it is done before the database had it, or may have been, elsewhere.
    var isAcknowledged = false
    /// How far behind it the record is that has overwritten its key in the table; 0: none.
    fileprivate var successor: UInt32 = 0
    /// Tells the principal that asked for it.
    fileprivate(set) var mark: UInt64 = 0
    /// What its record takes on the wire at most, in bytes.
    fileprivate(set) var length = 0
    /// What it takes here.
    fileprivate var size = 0
    /// The number of the one before it in the chain of those that are not in the table (`PendingWrites`); 0: none.
    var previous: UInt64 = 0
    /// Where its record ends, counted from the first that was ever appended.
    fileprivate var end = 0

    package init(
      level: AcknowledgementLevel, since: Instant?, replyTo: ReplyAddress? = nil, isAcknowledged: Bool = false
    ) {
      self.level = level
      self.since = since
      self.replyTo = replyTo
      self.isAcknowledged = isAcknowledged
    }
  }

  /// The number of the last record that is not kept any more.
  package private(set) var base: UInt64
  private var entries: [Entry] = []
  /// Entries before this one are void: taking them out one by one would move all others each time.
  private var head = 0
  private var bytes = CBORWriter()
  /// Where the first byte of `bytes` stands, counted like the ends of entries.
  private var start = 0

  /// Memory that is kept while there are no records.
  private static let keptCapacity = 4 << 10

  /// The last record that has a successor.
  private var lastOverwritten: UInt64 = 0

  /// The number of the last record when a heartbeat passed.
  private var endAtRest: UInt64 = 0

  package init(base: UInt64 = 0) { self.base = base }

  /// The number of the last record.
  package var end: UInt64 { base + UInt64(count) }
  package var count: Int { entries.count - head }
  /// The lengths of all records.
  package private(set) var length = 0
  var footprint: Int { count * Footprint.record + length }

  func contains(_ sequence: UInt64) -> Bool { sequence > base && sequence <= end }

  /// What is known of the record of a number that the log contains.
  subscript(sequence: UInt64) -> Entry {
    get { entries[index(of: sequence)] }
    _modify { yield &entries[index(of: sequence)] }
  }

  private func index(of sequence: UInt64) -> Int { head + Int(sequence - base) - 1 }

  private func start(of index: Int) -> Int { entries[index].end - entries[index].size }

  /// Calls `body` with the record of a number that the log contains, as it is encoded.
  @inline(__always)
  func withEncoded<Result>(_ sequence: UInt64, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let index = index(of: sequence)
    let place = self.start(of: index) - start
    return bytes.withUnsafeBytes { all in
      body(UnsafeRawBufferPointer(rebasing: all[place..<place + entries[index].size]))
    }
  }

  /// Calls `body` with the record of a number that the log contains.
  @inline(__always)
  package func withRecord<Result>(_ sequence: UInt64, _ body: (LogRecordView) -> Result) -> Result {
    withEncoded(sequence) { encoded in
      var reader = CBORReader(encoded)
      guard let record = try? LogRecordView(from: &reader) else {
        // It was encoded here, by `append`.
        fatalError("the log of a partition does not hold what was written to it")
      }
      return body(record)
    }
  }

  package mutating func append(_ record: LogRecordView, _ entry: Entry) {
    let before = bytes.count
    record.encode(into: &bytes)
    var entry = entry
    entry.length = record.approximateLength
    entry.size = bytes.count - before
    entry.end = start + bytes.count
    entry.mark = record.client.principalMark
    entries.append(entry)
    length += entry.length
  }

  /// Lets go of the records up to this number; those that are not there are passed over.
  package mutating func drop(through sequence: UInt64) {
    guard sequence > base else { return }
    let dropped = min(count, Int(clamping: sequence - base))
    for entry in entries[head..<head + dropped] { length -= entry.length }
    head += dropped
    base += UInt64(dropped)
    if head == entries.count {
      forgetAll()
    } else if head >= 64, head * 2 >= entries.count {
      let void = start(of: head) - start
      entries.removeFirst(head)
      head = 0
      bytes.removeFirst(void)
      start += void
    }
  }

  /// Of memory, whether records are in it or not.
  var keptBytes: Int { entries.capacity * MemoryLayout<Entry>.stride + bytes.capacity }

  /// To be called with each heartbeat: what is kept for records that may come goes back when none has for so long.
  package mutating func rest() {
    defer { endAtRest = end }
    guard end == endAtRest, count == 0, keptBytes > 0 else { return }
    (entries, bytes) = ([], CBORWriter())
  }

  private mutating func forgetAll() {
    start += bytes.count
    head = 0
    if bytes.capacity > Self.keptCapacity { bytes = CBORWriter() } else { bytes.removeAll() }
    if entries.capacity * MemoryLayout<Entry>.stride > 2 * Self.keptCapacity {
      entries = []
    } else {
      entries.removeAll(keepingCapacity: true)
    }
  }

  /// Consecutive records behind `sequence`, as many as fit into the room, which shrinks by them. None when not even
  /// one does, or when what follows is not kept any more.
  package func records(after sequence: UInt64, room: inout Int) -> LogRecords {
    let range = range(after: sequence, room: &room)
    guard !range.isEmpty else { return [] }
    return withEncoded(range) { LogRecords(count: range.count, encoded: $0) }
  }

  private func range(after sequence: UInt64, room: inout Int) -> Range<Int> {
    guard sequence >= base, sequence < end else { return 0..<0 }
    let first = head + Int(sequence - base)
    var next = first
    while next < entries.count, room >= entries[next].length {
      room -= entries[next].length
      next += 1
    }
    return first..<next
  }

  /// Calls `body` with the bytes of records that stand one behind the other.
  private func withEncoded<Result>(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    let (first, last) = (start(of: range.lowerBound) - start, entries[range.upperBound - 1].end - start)
    return bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[first..<last])) }
  }

  // MARK: Merging

  /// A record has come into the table over another one, of the same key.
  package mutating func note(_ sequence: UInt64, overwrittenBy newer: UInt64) {
    guard contains(sequence), newer > sequence, let distance = UInt32(exactly: newer - sequence) else {
      return
    }
    entries[index(of: sequence)].successor = distance
    lastOverwritten = max(lastOverwritten, sequence)
  }

  /// As `records`, for the database, which stores all of them or none: of a record that another of them has overwritten,
  /// and for which nobody waits, the outcome is all that it is to keep.
  package func merged(after sequence: UInt64, room: inout Int) -> LogRecords {
    guard lastOverwritten > sequence else { return records(after: sequence, room: &room) }
    let range = range(after: sequence, room: &room)
    guard !range.isEmpty else { return [] }
    var writer = CBORWriter(capacity: withEncoded(range) { $0.count })
    var rest = range
    for index in range where isMerged(index, before: range.upperBound) {
      if rest.lowerBound < index {
        withEncoded(rest.lowerBound..<index) { writer.write(encoded: $0) }
      }
      withRecord(base + UInt64(index - head) + 1) { $0.outcomeAlone.encode(into: &writer) }
      rest = (index + 1)..<range.upperBound
    }
    if !rest.isEmpty { withEncoded(rest) { writer.write(encoded: $0) } }
    return writer.withUnsafeBytes { LogRecords(count: range.count, encoded: $0) }
  }

  /// - Parameter end: of the append: what comes behind it may be lost where this one may not.
  private func isMerged(_ index: Int, before end: Int) -> Bool {
    let entry = entries[index]
    return entry.successor > 0 && Int(entry.successor) < end - index && entry.level != .durable
      && entry.replyTo == nil
  }
}
