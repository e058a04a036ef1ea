import Cluster

/// What is kept takes about so much memory: the same on every machine, so that whoever is refused for it is refused in
/// the simulator, too. Measured against a process (`ResidentWatch` looks whether it is still so).
enum Footprint {
  /// Of an entry's share of the index, at most.
  static let place = 24
  /// Of a record in a log besides its bytes: who waits for it, and where its key is looked for.
  static let record = 192
  /// Of a write whose outcome is remembered.
  static let outcome = 48
  /// Of a read that waits, besides the value that it tells.
  static let waitingRead = 128
  /// Of a client of which only its highest dropped write is.
  static let client = 128
  /// Of a principal of which something is.
  static let principal = 192
}

extension LogRecordView {
  /// What it adds to a table, at most.
  var growth: Int {
    guard let value else { return 0 }
    return EntryHeap.Entry.size(key: key.count, value: value.count) + Footprint.place
  }
}

extension LogRecords.Sums {
  /// What they add to a table, at most.
  var growth: Int { putBytes + puts * (EntryHeap.Entry.most + Footprint.place) }
}

/// Something whose footprint is in a sum.
protocol Counted: AnyObject {
  var footprint: Int { get }
  /// What stands for it in the sum.
  var counted: Int { get set }
}

extension Int {
  /// Brings the sum up to date.
  mutating func recount(_ part: some Counted) {
    let footprint = part.footprint
    self += footprint - part.counted
    part.counted = footprint
  }

  /// It is not there any more.
  mutating func discount(_ part: some Counted) {
    self -= part.counted
    part.counted = 0
  }
}
