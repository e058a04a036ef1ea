import Wire

/// Drone → commander: the answer to a heartbeat, and the request to renew the lease.
public struct Report: Hashable, Sendable {
  public let term: Term
  /// Of the heartbeat that is answered.
  public let sequence: UInt64
  /// Names the moment of sending, from which the drone will count its lease.
  public let nonce: UInt64
  public let incarnation: Incarnation
  public let endpoint: Endpoint
  /// Loaded and, under a lease, served; in order of token.
  public let holdings: [Holding]
  /// Partitions whose data loop ticked recently: only these may be renewed.
  public let lively: PartitionSet
  /// The (term, version) of the slot map that the drone has.
  public let mapTerm: Term
  public let mapVersion: UInt64
  /// The (term, version) of the access list that its data loops have, or were told of before this was sent.
  public let accessTerm: Term
  public let accessVersion: UInt64
  public let reachesDatabase: Bool
  /// Whole copies that this drone has, by the token under which their records were numbered. Whether one is in sync
  /// the database knows.
  public let copies: [Holding]
  /// Of these copies those that an earlier life had, and of which there is only what the database may lack, in the
  /// journal.
  public let journaled: PartitionSet
  /// Of its own partitions those whose every shadow in the map is in sync.
  public let shadowed: PartitionSet
  /// Milliseconds since the oldest write that the database does not have yet.
  public let behind: UInt64
  /// Bytes of such writes.
  public let backlog: UInt64
  /// It has been asked to end, and takes nothing more.
  public let isEnding: Bool
  /// Who says that he has no room is given less.
  public let memory: MemoryUse
  /// What earlier lives of this drone had, and nobody knows any more: told to people, and nothing goes by it.
  public let losses: [JournalLoss]

  public init(
    term: Term, sequence: UInt64, nonce: UInt64, incarnation: Incarnation, endpoint: Endpoint,
    holdings: [Holding], lively: PartitionSet, mapTerm: Term, mapVersion: UInt64, accessTerm: Term,
    accessVersion: UInt64, reachesDatabase: Bool, copies: [Holding] = [], journaled: PartitionSet = [],
    shadowed: PartitionSet = [],
    behind: UInt64 = 0, backlog: UInt64 = 0, isEnding: Bool = false, memory: MemoryUse = MemoryUse(),
    losses: [JournalLoss] = []
  ) {
    self.term = term
    self.sequence = sequence
    self.nonce = nonce
    self.incarnation = incarnation
    self.endpoint = endpoint
    self.holdings = holdings
    self.lively = lively
    self.mapTerm = mapTerm
    self.mapVersion = mapVersion
    self.accessTerm = accessTerm
    self.accessVersion = accessVersion
    self.reachesDatabase = reachesDatabase
    self.copies = copies
    self.journaled = journaled
    self.shadowed = shadowed
    self.behind = behind
    self.backlog = backlog
    self.isEnding = isEnding
    self.memory = memory
    self.losses = losses
  }
}

extension Report: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(20)
    term.encode(into: &writer)
    writer.write(unsigned: sequence)
    writer.write(unsigned: nonce)
    incarnation.encode(into: &writer)
    endpoint.encode(into: &writer)
    writer.write(holdings)
    lively.encode(into: &writer)
    mapTerm.encode(into: &writer)
    writer.write(unsigned: mapVersion)
    accessTerm.encode(into: &writer)
    writer.write(unsigned: accessVersion)
    writer.write(bool: reachesDatabase)
    writer.write(copies)
    journaled.encode(into: &writer)
    shadowed.encode(into: &writer)
    writer.write(unsigned: behind)
    writer.write(unsigned: backlog)
    writer.write(bool: isEnding)
    memory.encode(into: &writer)
    writer.write(losses)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 20)
    self.init(
      term: try Term(from: &reader), sequence: try reader.readUnsigned(), nonce: try reader.readUnsigned(),
      incarnation: try Incarnation(from: &reader), endpoint: try Endpoint(from: &reader),
      holdings: try reader.readMessages(Holding.self, maximum: Partition.count),
      lively: try PartitionSet(from: &reader), mapTerm: try Term(from: &reader),
      mapVersion: try reader.readUnsigned(), accessTerm: try Term(from: &reader),
      accessVersion: try reader.readUnsigned(), reachesDatabase: try reader.readBool(),
      copies: try reader.readMessages(Holding.self, maximum: Partition.count),
      journaled: try PartitionSet(from: &reader), shadowed: try PartitionSet(from: &reader),
      behind: try reader.readUnsigned(),
      backlog: try reader.readUnsigned(), isEnding: try reader.readBool(),
      memory: try MemoryUse(from: &reader),
      losses: try reader.readMessages(JournalLoss.self, maximum: JournalLoss.most))
  }
}
