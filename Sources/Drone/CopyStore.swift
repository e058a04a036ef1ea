import Cluster
import Journal

/// The copies of other drones' partitions that a data loop keeps: what it does as a shadow.
///
/// A copy is filled by the owner that the map names, and by nobody else, under one token. A higher token makes it
/// begin anew; a lower one is refused.
struct CopyStore {
  private var bounds: DataBounds
  /// Of this process.
  private let life: Incarnation
  private var copies = [PartitionCopy?](repeating: nil, count: Partition.count)
  private var owners = [Principal?](repeating: nil, count: Partition.count)
  private var isShadow = [Bool](repeating: false, count: Partition.count)
  /// The newest session in which each has been spoken of.
  private var sessions = [Conversation?](repeating: nil, count: Partition.count)
  private var tailLength = 0
  /// Bytes of all of them.
  private(set) var held = 0
  /// Counted anew, for tests.
  var footprint: Int { copies.reduce(0) { $0 + ($1?.footprint ?? 0) } }
  /// Outlives the process; nil: nothing does.
  var journal: Journal?
  /// Bytes that the loop holds besides, and what there is room for.
  var others = 0
  var gate: MemoryGate
  /// Bytes that a copy had for which there was no room, at least: it is not begun before there is.
  private var needs = [Int](repeating: 0, count: Partition.count)

  /// A token belongs to one life of its owner, which numbers its sessions upwards.
  private struct Conversation: Comparable {
    let token: FencingToken
    let session: UInt64

    static func < (left: Conversation, right: Conversation) -> Bool {
      (left.token, left.session) < (right.token, right.session)
    }
  }

  init(bounds: DataBounds, life: Incarnation) {
    self.bounds = bounds
    self.life = life
    gate = MemoryGate(bounds: bounds)
  }

  mutating func install(_ map: SlotMap, principal: Principal) {
    for partition in Partition.all {
      owners[partition.index] = map.owner(of: partition)?.principal
      isShadow[partition.index] = map.shadows(of: partition).contains { $0.principal == principal }
    }
  }

  // MARK: What the owner says

  /// - Parameters:
  ///   - peer: who sent it, as the handshake proved.
  ///   - session: the number that its session was opened with.
  mutating func receive(
    _ message: ReplicationMessage, from peer: Principal, session: UInt64
  ) -> ReplicationAnswer? {
    guard let partition = message.partition else { return nil }
    guard isCurrent(message, partition, peer, session) else { return message.receipt }
    switch message {
    case .greet: return nil
    case .resume(_, let token):
      guard mayFill(partition, peer, token) else { return .refused(partition: partition, token: token) }
      // Nor does it go on with what an earlier life has left, which may be wanted as it is for a while.
      guard let copy = whole(partition), copy.token == token, copy.life == nil else {
        return lacks(partition, token)
      }
      return .kept(partition: partition, token: token, through: copy.through)
    case .begin(_, let token, let sequence, let past):
      guard mayFill(partition, peer, token) else { return .refused(partition: partition, token: token) }
      // Whoever begins anew does not go on with what is there, and nobody is promoted with it.
      remove(partition)
      guard isShadow[partition.index], mayBegin(partition) else {
        return .refused(partition: partition, token: token)
      }
      let history = WriteHistory(bounds.history, past)
      put(PartitionCopy(partition: partition, token: token, sequence: sequence, history: history))
      journal?.hold(partition, life: life, token: token, base: sequence, wholeAt: nil)
      return nil
    case .entries(_, let token, let entries):
      if isOwner(peer, of: partition), let copy = copy(partition, token) { add(entries, to: copy) }
      return .entriesTaken(partition: partition, token: token)
    case .whole(_, let token, let sequence):
      guard mayFill(partition, peer, token) else { return .refused(partition: partition, token: token) }
      guard let copy = copy(partition, token) else { return lacks(partition, token) }
      copy.complete(at: sequence)
      journal?.whole(partition, at: sequence)
      needs[partition.index] = 0
      return .kept(partition: partition, token: token, through: copy.through)
    case .records(let batch, let stored):
      guard mayFill(partition, peer, batch.token) else {
        return .refused(partition: partition, token: batch.token)
      }
      return receive(batch, stored)
    case .stored(_, let token, let through):
      guard isOwner(peer, of: partition), let copy = copy(partition, token) else { return nil }
      release(copy, through: through)
      return nil
    case .end(_, let token):
      if copy(partition, token) != nil, isOwner(peer, of: partition) { remove(partition) }
      return nil
    }
  }

  /// What is left of an older session, here or on its way from another loop, must not undo what a newer one did.
  private mutating func isCurrent(
    _ message: ReplicationMessage, _ partition: Partition, _ peer: Principal, _ session: UInt64
  ) -> Bool {
    guard let token = message.token else { return true }
    let conversation = Conversation(token: token, session: session)
    let known = sessions[partition.index]
    switch message {
    case .resume, .end:
      // Others are told to ask again; they begin no conversation.
      guard owners[partition.index] == peer else { return true }
      guard let known, conversation < known else {
        sessions[partition.index] = conversation
        return true
      }
      // Who asks under a lower token is told that it is refused.
      return token < known.token
    default: return known == conversation || owners[partition.index] != peer
    }
  }

  /// Only the owner that the map names fills a copy, and no token takes the place of a higher one. Where the map names
  /// this drone no longer, what it has of the owner is kept up until the owner lets go of it.
  private func mayFill(_ partition: Partition, _ peer: Principal, _ token: FencingToken) -> Bool {
    guard isOwner(peer, of: partition) else { return false }
    guard let copy = copies[partition.index] else { return isShadow[partition.index] }
    return copy.token == token || copy.token < token && isShadow[partition.index]
  }

  /// By the map. Tokens can be guessed, so that nobody else's word counts who knows one.
  private func isOwner(_ peer: Principal, of partition: Partition) -> Bool {
    owners[partition.index] == peer
  }

  private mutating func receive(_ batch: PartitionBatch, _ stored: UInt64) -> ReplicationAnswer {
    guard let copy = copy(batch.partition, batch.token) else { return lacks(batch.partition, batch.token) }
    release(copy, through: stored)
    // What it has may be on the list, so it stays as it is. The owner goes on without it, and asks again.
    guard !copy.table.isFull, hasRoom(for: batch) else {
      return .refused(partition: batch.partition, token: batch.token)
    }
    tailLength -= copy.tailLength
    let before = copy.through
    let isAppended = copy.append(batch)
    tailLength += copy.tailLength
    note(copy, behind: before)
    // It may have some of these, too.
    release(copy, through: stored)
    // Between what it has and this batch is one for which there was no room. It may be on the list: it keeps what it has,
    // and the owner asks from where it is to go on.
    guard isAppended else { return .refused(partition: batch.partition, token: batch.token) }
    return .kept(partition: batch.partition, token: batch.token, through: copy.through)
  }

  /// One batch there is room for when nothing else is kept, or nobody would ever come further; unless memory is at its
  /// end, and then whoever only deletes comes further.
  private func hasRoom(for batch: PartitionBatch) -> Bool {
    let sums = batch.records.sums
    let (growth, length) = (sums.growth, tailLength + sums.approximateLength)
    guard growth == 0 || gate.hasRoomForRecords(growth, held: others + held) else { return false }
    guard tailLength == 0 || length <= bounds.tail else { return false }
    return journal?.hasRoom(for: length - tailLength, records: batch.records.count) ?? true
  }

  /// What is kept for the database, for people.
  var tails: [String] {
    copies.compactMap { copy in
      guard let copy, copy.tailLength > 0 else { return nil }
      return
        "tail of \(copy.partition) \(copy.tailLength) bytes, \(copy.token) \(copy.tail.base)–\(copy.through)"
    }
  }

  /// One that the owner fills.
  private func copy(_ partition: Partition, _ token: FencingToken) -> PartitionCopy? {
    guard let copy = copies[partition.index], copy.token == token, copy.life == nil else { return nil }
    return copy
  }

  // MARK: What this drone does

  /// In place of any other. What the journal says of it is its own.
  mutating func put(_ copy: PartitionCopy) {
    discard(copy.partition)
    copies[copy.partition.index] = copy
    tailLength += copy.tailLength
    held.recount(copy)
  }

  mutating func remove(_ partition: Partition) {
    guard copies[partition.index] != nil else { return }
    discard(partition)
    journal?.release(partition)
  }

  private mutating func discard(_ partition: Partition) {
    guard let copy = copies[partition.index] else { return }
    tailLength -= copy.tailLength
    held.discount(copy)
    copies[partition.index] = nil
  }

  mutating func recount(_ copy: PartitionCopy) { held.recount(copy) }

  /// The database has its records up to this one.
  mutating func release(_ copy: PartitionCopy, through sequence: UInt64) {
    tailLength -= copy.tailLength
    copy.release(sequence)
    journal?.stored(copy.partition, through: sequence)
    tailLength += copy.tailLength
    held.recount(copy)
  }

  // MARK: Room

  /// Who is told that it is missing sends all of it, at once; who is refused asks again later.
  private func lacks(_ partition: Partition, _ token: FencingToken) -> ReplicationAnswer {
    copies[partition.index] != nil || mayBegin(partition)
      ? .missing(partition: partition, token: token) : .refused(partition: partition, token: token)
  }

  private func mayBegin(_ partition: Partition) -> Bool {
    gate.hasRoomForCopy(needs[partition.index], held: others + held)
  }

  /// A copy for which there is no room goes: half of one is of no use to anybody, and takes the room of another. Its
  /// owner is told once it says that it has sent everything.
  private mutating func add(_ entries: [StoredEntry], to copy: PartitionCopy) {
    copy.add(entries)
    held.recount(copy)
    guard copy.table.isFull || !copy.isWhole && !gate.hasRoomForCopy(held: others + held) else { return }
    needs[copy.partition.index] = copy.counted + copy.counted / 4
    remove(copy.partition)
  }

  func whole(_ partition: Partition) -> PartitionCopy? {
    guard let copy = copies[partition.index], copy.isWhole else { return nil }
    return copy
  }

  /// To be called with each heartbeat.
  func rest() { for case let copy? in copies { copy.rest() } }

  /// By the token of their records, in order.
  var wholeCopies: [Holding] {
    // Few tokens, and looked at with each heartbeat: to compare them is less than to hash one for each partition.
    var sets: [(token: FencingToken, partitions: PartitionSet)] = []
    for case let copy? in copies where copy.isWhole {
      let place = sets.lastIndex { $0.token == copy.token } ?? sets.count
      if place == sets.count { sets.append((copy.token, [])) }
      sets[place].partitions.insert(copy.partition)
    }
    return sets.sorted { $0.token < $1.token }.map { Holding(token: $0.token, partitions: $0.partitions) }
  }

  /// Others serve these under higher tokens, or the database has refused the copies.
  mutating func forget(_ partitions: PartitionSet, through token: FencingToken) {
    for partition in partitions {
      if let copy = copies[partition.index], copy.token <= token { remove(partition) }
    }
  }
}

extension ReplicationMessage {
  /// Whatever becomes of a piece of entries, its sender is told that it has come: it sends only so many more than it
  /// has been told of, and would wait for ever for those that nobody took.
  fileprivate var receipt: ReplicationAnswer? {
    guard case .entries(let partition, let token, _) = self else { return nil }
    return .entriesTaken(partition: partition, token: token)
  }
}

extension DataCore {
  /// As a shadow: takes what the owner of a partition says.
  ///
  /// - Parameter session: the number that its greeting gave the session.
  public mutating func receive(
    _ message: ReplicationMessage, from peer: Principal, session: UInt64
  ) -> ReplicationAnswer? {
    guard let partition = message.partition else { return .welcome(incarnation) }
    // Whoever owns a partition here shadows nobody's. Whoever sends something is told so, and asks again: the map
    // may be ahead of what this loop has been told to give up, and what is being opened may come to nothing.
    guard partitions[partition.index] == nil, loading[partition.index] == nil else {
      switch message {
      case .entries: return message.receipt
      case .resume, .begin, .whole, .records:
        return message.token.map { .refused(partition: partition, token: $0) }
      case .greet, .stored, .end: return nil
      }
    }
    copyStore.others = held
    copyStore.gate = gate
    return copyStore.receive(message, from: peer, session: session)
  }

  /// Whether a write is in memory here, as far as anybody remembers which writes there were.
  public func has(_ write: UInt64, of client: ClientIncarnation, in partition: Partition) -> Bool {
    let history = partitions[partition.index]?.history ?? copyStore.whole(partition)?.history
    return history.map { $0.past(of: write, by: client) != .unseen } ?? false
  }

  /// The token of the whole copy on the copyStore, if there is one.
  public func copyToken(of partition: Partition) -> FencingToken? { copyStore.whole(partition)?.token }

  public mutating func forget(_ copies: [Holding]) {
    for copy in copies { copyStore.forget(copy.partitions, through: copy.token) }
  }
}
