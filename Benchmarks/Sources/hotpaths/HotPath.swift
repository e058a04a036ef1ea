/// What is done for a request where requests are many: cores only, no sockets, no cryptography, no threads.
enum HotPath: String, CaseIterable {
  /// Read from its bytes, looked up, answered.
  case get
  /// A put that waits for nobody, and its share of an append and of the database's answer.
  case putMemory = "put-memory"
  /// The same of a drone that has a journal: what it takes more is the journal's cost.
  case putJournaled = "put-journaled"
  /// A put that a shadow has to have: what both drones do for it, and its share of an append.
  case putSecured = "put-secured"
  /// A delete of a key that is there, answered at once, and the put that brings it back.
  case putAndDelete = "put-and-delete"

  func run(_ requests: Int) {
    var pair = Pair(hasShadow: self == .putSecured, hasJournal: self == .putJournaled)
    switch self {
    case .get: pair.get(requests)
    case .putMemory, .putJournaled: pair.put(requests, level: .memory)
    case .putSecured: pair.put(requests, level: .secured)
    case .putAndDelete: pair.putAndDelete(requests)
    }
  }
}
