import Cluster
import Wire

/// What reads are told.
extension DataPartition {
  /// Answers a read.
  @inline(__always)
  func answer(
    _ number: UInt64, _ key: HashedKey, by operation: any ReadOperation.Type, _ answers: inout CBORWriter
  ) {
    table.withEntry(of: key) { value, version in
      if let value {
        operation.answer(number: number, value, version).encode(into: &answers)
      } else {
        DataAnswer.notFound(number: number).encode(into: &answers)
      }
    }
  }

  /// The last write that an answer about this key would tell of, if it has no second place yet.
  func unsecuredSequence(of key: HashedKey) -> UInt64? {
    guard secured < applied else { return nil }
    let sequence = table.version(of: key)?.sequence ?? applied
    return sequence > secured ? sequence : nil
  }
}
