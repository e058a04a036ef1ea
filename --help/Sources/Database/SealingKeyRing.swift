import Cluster

/// The sealing keys that are stored, of the current and the previous term.
struct SealingKeyRing: Sendable {
  private var keys: [StoredSealingKey]

  init(_ keys: [StoredSealingKey]) { self.keys = keys }

  func key(of term: Term, identifier: UInt64) -> SealingKey? {
    keys.first { $0.term == term && $0.key.identifier == identifier }?.key
  }

  /// Follows the store: one key a term, and none older than the term before.
  mutating func insert(_ key: StoredSealingKey) {
    keys.removeAll { $0.term == key.term }
    let previous = keys.map(\.term).filter { $0 < key.term }.max()
    keys.removeAll { $0.term < previous ?? key.term }
    keys.append(key)
  }
}
