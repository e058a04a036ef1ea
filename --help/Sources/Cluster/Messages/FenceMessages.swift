import Wire

/// Commander → database: who may write each partition, and who has copies of what you may lack?
public struct FenceQuestion: Hashable, Sendable {
  public let term: Term

  public init(term: Term) { self.term = term }
}

/// What a database has stored of an opened partition, as far as a commander has to know.
public struct StoredFence: Hashable, Sendable {
  public let partition: Partition
  public let token: FencingToken
  public let holder: Holder
  /// Everybody on the in-sync list.
  public let listed: [Holder]

  public init(partition: Partition, token: FencingToken, holder: Holder, listed: [Holder]) {
    self.partition = partition
    self.token = token
    self.holder = holder
    self.listed = listed
  }

  public init(_ partition: Partition, _ fence: PartitionFence) {
    self.init(
      partition: partition, token: fence.token,
      holder: Holder(principal: fence.holder, incarnation: fence.incarnation), listed: fence.inSync.holders)
  }
}

/// Database → commander: all partitions that were ever opened, in order, as they are stored under this term.
///
/// On the wire holders are named once, in order, and referred to by their index.
public struct Fences: Hashable, Sendable {
  public let term: Term
  public let stored: [StoredFence]

  public init(term: Term, stored: [StoredFence]) {
    self.term = term
    self.stored = stored
  }
}

extension FenceQuestion: WireMessage {
  public func encode(into writer: inout CBORWriter) { term.encode(into: &writer) }

  public init(from reader: inout CBORReader) throws(CBORError) { self.init(term: try Term(from: &reader)) }
}

extension Fences: WireMessage {
  /// Of each partition its holder and a full list.
  private static let maximumHolders = Partition.count * (1 + InSyncList.maximumHolders)

  private var holders: [Holder] { Set(stored.flatMap { [$0.holder] + $0.listed }).sorted() }

  public func encode(into writer: inout CBORWriter) {
    let holders = holders
    let indices = Dictionary(uniqueKeysWithValues: zip(holders, 0...))
    writer.beginArray(3)
    term.encode(into: &writer)
    writer.write(holders)
    writer.beginArray(stored.count)
    for fence in stored {
      writer.beginArray(4)
      fence.partition.encode(into: &writer)
      fence.token.encode(into: &writer)
      writer.write(unsigned: UInt64(indices[fence.holder] ?? 0))
      writer.beginArray(fence.listed.count)
      for holder in fence.listed { writer.write(unsigned: UInt64(indices[holder] ?? 0)) }
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    let term = try Term(from: &reader)
    let start = reader.offset
    let holders = try reader.readMessages(Holder.self, maximum: Self.maximumHolders)
    func holder(_ reader: inout CBORReader) throws(CBORError) -> Holder {
      let offset = reader.offset
      let index = try reader.readUnsigned()
      guard index < UInt64(holders.count) else {
        throw .outOfRange(field: "the index of a holder", offset: offset)
      }
      return holders[Int(index)]
    }
    let count = try reader.readArrayHeader(maximum: Partition.count)
    var stored: [StoredFence] = []
    for _ in 0..<count {
      try reader.readArrayHeader(exactly: 4)
      let offset = reader.offset
      let partition = try Partition(from: &reader)
      if let last = stored.last, last.partition >= partition {
        throw .outOfRange(field: "the order of partitions", offset: offset)
      }
      let token = try FencingToken(from: &reader)
      let owner = try holder(&reader)
      var listed: [Holder] = []
      for _ in 0..<(try reader.readArrayHeader(maximum: InSyncList.maximumHolders)) {
        listed.append(try holder(&reader))
      }
      stored.append(StoredFence(partition: partition, token: token, holder: owner, listed: listed))
    }
    self.init(term: term, stored: stored)
    guard self.holders == holders else { throw .outOfRange(field: "the order of holders", offset: start) }
  }
}
