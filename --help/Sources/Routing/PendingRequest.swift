import Cluster

/// A caller's request between being asked and being answered.
struct PendingRequest {
  enum State: Equatable {
    /// Until then, or until the map says something new. Nil: only a map helps.
    case waiting(until: Instant?)
    /// For a link to open.
    case queued(LinkID)
    /// For the answer.
    case sent(LinkID)
  }

  let id: UInt64
  let operation: ClientOperation
  /// Nil where the commander is asked, or nobody.
  let slot: Slot?
  /// The number of the write under the client's incarnation, the same in every attempt; 0 for reads.
  let write: UInt64
  let deadline: Instant
  var state = State.waiting(until: nil)
  /// An earlier attempt may have been executed: the next must say that it is a retry.
  var mayHaveExecuted = false
  /// Attempts that came back without an outcome; the longer, the longer the pause.
  var failures = 0
  /// What kept it from succeeding, in a sentence, for the error of its deadline.
  var problem: String?
  /// Nobody could be reached at all.
  var isUnreachable = false

  var isWrite: Bool { write > 0 }

  /// Whether the map alone says who is asked. A drone that is named may be one of the configuration.
  var needsMap: Bool { if case .sessions = operation { false } else { true } }

  var message: ClientMessage {
    switch operation {
    case .read(let kind, let key): .read(kind, key: key)
    case .write(let kind, let key, let expected, let value, let level):
      .write(
        kind, write: write, retry: mayHaveExecuted, level: level, key: key, expected: expected, value: value)
    case .locate, .drones: .topology
    case .status: .status
    case .administer(let order, let name): .administer(order, name: name)
    case .sessions(let order, _): .sessions(order)
    }
  }

  /// The drone that the map gives it to.
  func target(in map: SlotMap) -> SlotMap.Drone? {
    if case .sessions(_, let name) = operation { return map.drones.first { $0.principal.shortName == name } }
    guard let slot else { return map.drones.first { $0.principal == map.commander } }
    return map.owner(of: slot.partition)
  }
}
