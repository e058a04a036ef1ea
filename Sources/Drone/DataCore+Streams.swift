import Cluster

/// The owner's side of its partitions' shadows.
extension DataCore {
  /// The drones that shadow something of this loop's, in order: each needs a session.
  public var shadowPeers: [RegisteredNode] {
    var peers: [Principal] = []
    // Few, and looked at with each heartbeat: to compare them is less than to hash one for each partition.
    for case let data? in partitions {
      for stream in data.streams where !peers.contains(stream.peer) { peers.append(stream.peer) }
    }
    return peers.sorted().compactMap { peer in
      map?.endpoint(of: peer).map { RegisteredNode(principal: peer, endpoint: $0) }
    }
  }

  /// Of this loop's partitions those whose every shadow in the map is in sync.
  public var shadowed: PartitionSet {
    PartitionSet(Partition.all.filter { partitions[$0.index]?.isShadowed ?? false })
  }

  /// How the shadows of a partition stand, for people.
  public func shadowStates(of partition: Partition) -> [String] {
    guard let data = partitions[partition.index] else { return copyStore.tails }
    return data.streams.map { stream in
      "\(stream.peer.shortName): \(stream.stage), sent \(stream.sent), has \(stream.acked) of \(data.log.end), "
        + "applied \(data.applied), whole at \(stream.wholeAt ?? 0)"
        + (stream.isSilent ? ", silent" : "") + (stream.isLeaving ? ", leaving" : "")
    }
  }

  /// The copies on this loop's copyStore that are whole, by the token of their records.
  public var copies: [Holding] { copyStore.wholeCopies }

  mutating func markStreams(of data: DataPartition) {
    for index in data.streams.indices where data.streams[index].holder != nil {
      queues[data.streams[index].peer]?.mark(data.partition)
    }
  }

  /// Follows the map.
  mutating func adjustStreams(of partition: Partition) {
    guard let data = partitions[partition.index], !data.isRecovering, let map, let principal,
      map.owner(of: partition)?.principal == principal
    else { return }
    let wanted = map.shadows(of: partition).map(\.principal).filter { $0 != principal }
    for index in data.streams.indices {
      data.streams[index].isLeaving = !wanted.contains(data.streams[index].peer)
    }
    for peer in wanted where !data.streams.contains(where: { $0.peer == peer }) {
      var stream = ShadowStream(peer: peer)
      if let life = queues[peer, default: PeerQueue()].life { stream.connect(life) }
      data.streams.append(stream)
    }
    data.streams.removeAll { $0.isLeaving && $0.holder == nil }
    for stream in data.streams { queues[stream.peer, default: PeerQueue()].mark(partition) }
    tellList(of: data)
  }

  /// The list at the database may be another than is wanted.
  private mutating func tellList(of data: DataPartition) {
    if data.wantsList { enqueue(data.partition, urgently: true) }
  }

  private func forEachStream(to peer: Principal, _ body: (DataPartition, Int) -> Void) {
    for case let data? in partitions {
      if let index = data.streams.firstIndex(where: { $0.peer == peer }) { body(data, index) }
    }
  }

  // MARK: Sessions

  /// A session with a shadow stands.
  public mutating func connected(_ peer: Principal, life: Incarnation) {
    let holder = Holder(principal: peer, incarnation: life)
    var queue = queues[peer, default: PeerQueue()]
    queue.life = holder
    queue.piecesUnderWay = 0
    forEachStream(to: peer) { data, index in
      data.streams[index].connect(holder)
      queue.mark(data.partition)
    }
    queues[peer] = queue
  }

  /// It is over: from now on nobody waits for that shadow.
  public mutating func disconnected(_ peer: Principal) -> [Completion] {
    queues[peer]?.life = nil
    queues[peer]?.piecesUnderWay = 0
    var changed: [DataPartition] = []
    forEachStream(to: peer) { data, index in
      data.streams[index].disconnect()
      changed.append(data)
    }
    var completions: [Completion] = []
    for data in changed {
      completions += complete(data)
      tellList(of: data)
    }
    return completions
  }

  // MARK: What a shadow is told

  /// What is to be sent to a shadow next, as far as it fits one record.
  public mutating func replicate(to peer: Principal, now: Instant) -> [ReplicationMessage] {
    guard queues[peer]?.life != nil, var queue = queues.take(peer) else { return [] }
    var room = bounds.appendRoom
    var messages: [ReplicationMessage] = []
    var untouched: [Partition] = []
    var begun: [Partition] = []
    queue.prefersShort.toggle()
    let waiting = queue.take()
    let dirty =
      !queue.prefersShort
      ? waiting
      : inTurn(waiting, room: room) { [partitions, shortLength] partition in
        guard let data = partitions[partition.index],
          let index = data.streams.firstIndex(where: { $0.peer == peer }),
          data.streams[index].stage == .records
        else { return .max }
        return data.log.length(after: data.streams[index].sent, upTo: shortLength)
      }
    for partition in dirty {
      guard let data = partitions[partition.index],
        let index = data.streams.firstIndex(where: { $0.peer == peer })
      else { continue }
      if room < bounds.pieceLength, !messages.isEmpty {
        untouched.append(partition)
        continue
      }
      let count = messages.count
      guard tell(data, index, &queue, &room, &messages, now) else { continue }
      if messages.count > count { begun.append(partition) } else { untouched.append(partition) }
    }
    // What was told something waits until the others have been, also those for which there was no room left: a partition
    // that is written to all the time would keep its shadow from hearing of any other.
    for partition in untouched + begun { queue.mark(partition) }
    queues[peer] = queue
    return messages
  }

  /// - Returns: whether there is more to say of this partition.
  private mutating func tell(
    _ data: DataPartition, _ index: Int, _ queue: inout PeerQueue, _ room: inout Int,
    _ messages: inout [ReplicationMessage], _ now: Instant
  ) -> Bool {
    let (partition, token) = (data.partition, data.token)
    let stream = data.streams[index]
    // What is begun anew begins with the next tick: until then an answer would be taken for one of before.
    guard stream.holder != nil else { return false }
    if data.isLetGo(stream) {
      messages.append(.end(partition: partition, token: token))
      data.streams.remove(at: index)
      return false
    }
    switch stream.stage {
    case .asked: return false
    // A copy is not begun anew with who is to be let go of.
    case .absent where stream.isLeaving, .entries where stream.isLeaving: return false
    case .absent where data.mayWantJournal(of: stream): return true
    case .unknown:
      room -= Self.batchHead
      messages.append(.resume(partition: partition, token: token))
      data.streams[index].stage = .asked
      data.streams[index].owesSince = now
      return false
    case .absent:
      let past = data.history.past
      room -= Self.batchHead + past.outcomes.count * 40 + past.gaps.count * 30
      let base = copyBase(of: data)
      messages.append(
        .begin(partition: partition, token: token, sequence: base, past: past))
      data.streams[index].begin(at: base, applied: data.applied)
      return true
    case .entries(let cursor, let written):
      guard queue.piecesUnderWay < bounds.pieces else { return true }
      let (entries, next) = data.table.entries(
        from: cursor, bytes: min(room, bounds.pieceLength), asOf: written)
      if !entries.isEmpty {
        room -= entries.reduce(Self.batchHead) { $0 + $1.approximateLength }
        messages.append(.entries(partition: partition, token: token, entries))
        data.streams[index].piecesUnderWay += 1
        queue.piecesUnderWay += 1
      }
      if let next {
        data.streams[index].stage = .entries(cursor: next, asOf: written)
        return true
      }
      messages.append(.whole(partition: partition, token: token, sequence: data.applied))
      data.streams[index].wholeAt = data.applied
      data.streams[index].stage = .records
      data.streams[index].owesSince = data.streams[index].owesSince ?? now
      return true
    case .records where stream.sent < data.log.base:
      // The map did not name it for a moment, and what it would need next was let go of.
      data.streams[index].beginAnew()
      return tell(data, index, &queue, &room, &messages, now)
    case .records: return sendRecords(data, index, &room, &messages, now)
    }
  }

  /// Where the log of a copy begins: with what the database may lack, though the table that it is filled from is further.
  /// Records that are in it already are repeated, in order, and change nothing. Without them the database could lack what
  /// only this copy had, should it be promoted.
  private func copyBase(of data: DataPartition) -> UInt64 { min(data.applied, data.stored) }

  private func sendRecords(
    _ data: DataPartition, _ index: Int, _ room: inout Int, _ messages: inout [ReplicationMessage],
    _ now: Instant
  ) -> Bool {
    let sent = data.streams[index].sent
    guard sent < data.log.end else {
      if data.streams[index].toldStored < data.stored {
        room -= Self.batchHead
        messages.append(.stored(partition: data.partition, token: data.token, through: data.stored))
        data.streams[index].toldStored = data.stored
      }
      return false
    }
    room -= Self.batchHead
    let records = data.log.records(after: sent, room: &room)
    guard !records.isEmpty else { return true }
    let batch = PartitionBatch(
      partition: data.partition, token: data.token, incarnation: incarnation, firstSequence: sent + 1,
      records: records)
    messages.append(.records(batch, stored: data.stored))
    data.streams[index].sent = sent + UInt64(records.count)
    data.streams[index].toldStored = data.stored
    data.streams[index].owesSince = data.streams[index].owesSince ?? now
    return data.streams[index].sent < data.log.end
  }

  // MARK: What a shadow answers

  public mutating func receive(_ answer: ReplicationAnswer, from peer: Principal, now: Instant)
    -> [Completion]
  {
    switch answer {
    case .welcome: return []
    case .kept(let partition, let token, let through): return kept(partition, token, through, peer, now)
    case .entriesTaken(let partition, let token):
      if let queue = queues[peer], queue.piecesUnderWay > 0 { queues[peer]?.piecesUnderWay -= 1 }
      guard let (data, index) = stream(partition, token, peer) else { return [] }
      data.streams[index].piecesUnderWay = max(0, data.streams[index].piecesUnderWay - 1)
      queues[peer]?.mark(partition)
      return []
    case .missing(let partition, let token):
      guard let (data, index) = stream(partition, token, peer) else { return [] }
      data.streams[index].beginAnew()
      queues[peer]?.mark(partition)
      tellList(of: data)
      return complete(data)
    case .refused(let partition, let token):
      // It is asked again by the next tick: maps get about.
      guard let (data, index) = stream(partition, token, peer) else { return [] }
      data.streams[index].disconnect()
      tellList(of: data)
      return complete(data)
    }
  }

  private func stream(_ partition: Partition, _ token: FencingToken, _ peer: Principal) -> (
    DataPartition, Int
  )? {
    guard let data = partitions[partition.index], data.token == token,
      let index = data.streams.firstIndex(where: { $0.peer == peer }),
      data.streams[index].holder == queues[peer]?.life
    else { return nil }
    return (data, index)
  }

  private mutating func kept(
    _ partition: Partition, _ token: FencingToken, _ through: UInt64, _ peer: Principal, _ now: Instant
  ) -> [Completion] {
    guard let (data, index) = stream(partition, token, peer) else { return [] }
    if data.streams[index].stage == .asked {
      // It goes on from what it has, if that is still kept here.
      guard through >= data.log.base, through <= data.log.end else { return begin(data, index, peer) }
      data.streams[index].stage = .records
      data.streams[index].sent = through
      data.streams[index].wholeAt = through
      queues[peer]?.mark(partition)
    }
    // In the order of the session: whoever answers behind `whole` has taken it.
    if data.streams[index].wholeAt != nil { data.streams[index].hasWhole = true }
    let sent = data.streams[index].sent
    data.streams[index].acked = max(data.streams[index].acked, min(through, sent))
    data.streams[index].isSilent = false
    data.streams[index].owesSince = data.streams[index].acked < sent ? now : nil
    let completions = complete(data)
    tellList(of: data)
    return completions
  }

  /// A copy that nothing can be added to begins anew, but not while somebody might be promoted with it.
  private mutating func begin(_ data: DataPartition, _ index: Int, _ peer: Principal) -> [Completion] {
    if let holder = data.streams[index].holder, data.mayList(holder) {
      data.streams[index].disconnect()
    } else {
      data.streams[index].stage = .absent
      data.streams[index].owesSince = nil
      queues[peer]?.mark(data.partition)
    }
    tellList(of: data)
    return complete(data)
  }

  // MARK: Time

  /// Notices shadows that do not answer, and asks again those that refused. To be called every heartbeat.
  public mutating func tickStreams(_ now: Instant, timing: Timing) -> [Completion] {
    gate.look(memory)
    quotas.countSome()
    var completions: [Completion] = []
    copyStore.rest()
    for case let data? in partitions {
      data.rest()
      for index in data.streams.indices {
        let stream = data.streams[index]
        if let since = stream.owesSince, now - since > timing.suspicion, !stream.isSilent {
          data.streams[index].isSilent = true
          tellList(of: data)
        }
        if stream.stage == .unknown, let life = queues[stream.peer]?.life {
          data.streams[index].connect(life)
          queues[stream.peer]?.mark(data.partition)
        }
        if stream.stage == .records, stream.toldStored < data.stored {
          queues[stream.peer]?.mark(data.partition)
        }
      }
      if data.keptForShadows > bounds.keptForShadows { letGo(data) { _ in true } }
      if data.keptForShadows > 0, gate.isClosed || data.log.footprint > bounds.logLength {
        letGo(data) { $0.isSilent || $0.stage == .unknown }
      }
      completions += complete(data)
    }
    return completions
  }

  /// The shadow that is furthest behind begins anew, from what is in the table.
  private mutating func letGo(_ data: DataPartition, where isMeant: (ShadowStream) -> Bool) {
    guard
      let index = data.streams.indices
        .filter({
          data.streams[$0].needsAfter != nil && !data.isLetGo(data.streams[$0]) && isMeant(data.streams[$0])
        })
        .min(by: { data.streams[$0].acked < data.streams[$1].acked })
    else { return }
    data.streams[index].forget()
    tellList(of: data)
  }
}
