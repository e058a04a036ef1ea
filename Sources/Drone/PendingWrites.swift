/// The writes of a partition that are not in its table, by the hash of their key: what a key will have once they are.
///
/// Of each hash it knows the newest; the log knows for each record the one before it with the same hash. Keys are compared
/// where their records are.
struct PendingWrites {
  private var newest: [UInt64: UInt64] = [:]
  /// Writes for which memory is kept while there are none.
  private static let kept = 32

  /// - Returns: the number of the one before it with the same hash; 0: none.
  mutating func add(_ key: HashedKey, _ sequence: UInt64) -> UInt64 {
    newest.updateValue(sequence, forKey: key.hash) ?? 0
  }

  /// It is in the table now.
  mutating func remove(_ key: HashedKey, _ sequence: UInt64) {
    guard !newest.isEmpty, newest[key.hash] == sequence else { return }
    newest[key.hash] = nil
    if newest.isEmpty, newest.capacity > Self.kept { newest = [:] }
  }

  /// The number of the newest write of a key that is not in the table.
  /// - Parameter applied: the last one that is.
  @inline(__always)
  func sequence(of key: HashedKey, in log: WriteLog, applied: UInt64) -> UInt64? {
    newest.isEmpty ? nil : search(key, log, applied)
  }

  private func search(_ key: HashedKey, _ log: WriteLog, _ applied: UInt64) -> UInt64? {
    var next = newest[key.hash] ?? 0
    while next > applied {
      if log.withRecord(next, { $0.key.elementsEqual(key.bytes) }) { return next }
      next = log[next].previous
    }
    return nil
  }
}
