import Cluster

/// Who waits for an answer: a connection of a data loop, and the number it gave its request.
public struct Origin: Hashable, Sendable {
  public let loop: Int
  public let connection: UInt64
  public let number: UInt64

  public init(loop: Int, connection: UInt64, number: UInt64) {
    self.loop = loop
    self.connection = connection
    self.number = number
  }
}

/// One partition that this drone has loaded. Writes wait in `pending`, in the order of their sequence numbers,
/// until the database has them; only then they enter the table. So no answer ever shows a write that is not
/// secured. It is confined to its data loop.
final class DataPartition {
  struct PendingWrite {
    let record: LogRecord
    var origin: Origin
  }

  let partition: Partition
  let token: FencingToken
  /// Reads are answered until then.
  var leaseEnd = Instant(milliseconds: .min)
  var table = Table()
  var history = WriteHistory()
  /// The sequence number of the last write in the table.
  private(set) var stored: UInt64 = 0
  /// The last one that has been handed to the database and is not to be sent again.
  private(set) var sent: UInt64 = 0
  /// The last one that was ever handed to it: what it may have.
  private(set) var handed: UInt64 = 0
  private var pending: [PendingWrite] = []
  /// For keys with pending writes: whether the last of them leaves a value, and its sequence number.
  private var overlay: [[UInt8]: (exists: Bool, sequence: UInt64)] = [:]

  init(partition: Partition, token: FencingToken) {
    self.partition = partition
    self.token = token
  }

  var hasUnsent: Bool { sent < stored + UInt64(pending.count) }

  func finishLoading(sequence: UInt64, history: WriteHistory) {
    stored = sequence
    sent = sequence
    handed = sequence
    self.history = history
  }

  /// Queues a write behind those under way and returns its length in bytes.
  func queue(key: [UInt8], change: LogRecord.Change, client: ClientIncarnation, write: UInt64, origin: Origin)
    -> Int
  {
    let existed = overlay[key]?.exists ?? key.withUnsafeBytes(table.contains)
    let sequence = stored + UInt64(pending.count) + 1
    let record = LogRecord(key: key, change: change, client: client, write: write, existed: existed)
    overlay[key] = (change != .delete, sequence)
    pending.append(PendingWrite(record: record, origin: origin))
    history.begin(write, by: client, sequence: sequence)
    return record.approximateLength
  }

  /// Lets the answer of a write under way go to whoever asked for it last.
  func redirect(_ sequence: UInt64, to origin: Origin) {
    guard sequence > stored, let index = Int(exactly: sequence - stored - 1), index < pending.count else {
      return
    }
    pending[index].origin = origin
  }

  /// The next records for the database, as many as fit; nil when not even one does. Into the room of a whole
  /// append every record fits.
  func takeBatch(incarnation: Incarnation, room: inout Int) -> PartitionBatch? {
    let start = Int(sent - stored)
    var end = start
    while end < pending.count {
      let length = pending[end].record.approximateLength
      guard room >= length else { break }
      room -= length
      end += 1
    }
    guard end > start else { return nil }
    let batch = PartitionBatch(
      partition: partition, token: token, incarnation: incarnation, firstSequence: sent + 1,
      records: pending[start..<end].map(\.record))
    sent += UInt64(end - start)
    handed = max(handed, sent)
    return batch
  }

  /// What was sent may be lost: it is sent again from the first one that is not known to be stored.
  func unsend() { sent = stored }

  /// Applies what the database has now, in order.
  func store(through sequence: UInt64, _ settle: (PendingWrite) -> Void) {
    guard sequence > stored else { return }
    let count = min(pending.count, Int(clamping: sequence - stored))
    for write in pending[..<count] {
      stored += 1
      apply(write.record)
      settle(write)
    }
    pending.removeFirst(count)
    sent = max(sent, stored)
  }

  private func apply(_ record: LogRecord) {
    switch record.change {
    case .put(let value): table.set(record.key, value, Version(fence: token, sequence: stored))
    case .delete: table.remove(record.key)
    }
    if overlay[record.key]?.sequence == stored { overlay[record.key] = nil }
    history.settle(
      WriteOutcome(client: record.client, write: record.write, sequence: stored, existed: record.existed))
  }

  /// Gives up what waits.
  func abandon() -> [PendingWrite] {
    defer { pending.removeAll() }
    return pending
  }
}
