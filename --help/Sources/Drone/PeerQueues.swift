import Cluster

/// What one shadow is to be told, and by which life of it.
struct PeerQueue {
  /// Nil while there is no session.
  var life: Holder?
  /// Partitions of which it is to be told something, each once, in order.
  private(set) var dirty: [Partition] = []
  private var isDirty = [Bool](repeating: false, count: Partition.count)
  /// Pieces of entries that it has not taken yet, of all partitions.
  var piecesUnderWay = 0
  /// In every other record: in the rest whoever has waited longest is first, and has all the room, which it may need.
  var prefersShort = false

  mutating func mark(_ partition: Partition) {
    guard !isDirty[partition.index] else { return }
    isDirty[partition.index] = true
    dirty.append(partition)
  }

  mutating func take() -> [Partition] {
    let taken = dirty
    dirty = []
    for partition in taken { isDirty[partition.index] = false }
    return taken
  }

  mutating func remove(_ partition: Partition) {
    guard isDirty[partition.index] else { return }
    isDirty[partition.index] = false
    dirty.removeAll { $0 == partition }
  }
}

/// What each peer is to be told. They are few, and mostly the same principal object: so they are looked for one by one.
struct PeerQueues {
  private var peers: [Principal] = []
  /// Nil while it is taken.
  private var queues: [PeerQueue?] = []

  private func find(_ peer: Principal) -> Int? { peers.firstIndex { $0 == peer } }

  subscript(peer: Principal) -> PeerQueue? {
    get { find(peer).flatMap { queues[$0] } }
    _modify {
      if let place = find(peer) {
        yield &queues[place]
      } else {
        var queue: PeerQueue?
        yield &queue
        if let queue { add(queue, of: peer) }
      }
    }
  }

  subscript(peer: Principal, default queue: @autoclosure () -> PeerQueue) -> PeerQueue {
    mutating get {
      if find(peer) == nil { add(queue(), of: peer) }
      return self[peer] ?? queue()
    }
    set { self[peer] = newValue }
  }

  private mutating func add(_ queue: PeerQueue, of peer: Principal) {
    peers.append(peer)
    queues.append(queue)
  }

  /// Hands a queue over until it is set again, so that nobody else has it and it is changed in place.
  mutating func take(_ peer: Principal) -> PeerQueue? {
    guard let place = find(peer) else { return nil }
    defer { queues[place] = nil }
    return queues[place]
  }
}
