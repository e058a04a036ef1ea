import Wire

/// What was in a journal that cannot be believed: that of an earlier life of a drone whose machine has lost its memory.
public struct JournalLoss: Hashable, Sendable {
  /// How many of them a report tells, at most.
  public static let most = 16

  /// The earlier life. Of a partition whose list at the database names it, writes may lack.
  public let life: Incarnation
  /// Seconds since 1970: what this life had of writes until then is at the database. 0: nobody knows since when some may
  /// lack.
  public let after: UInt64
  /// Seconds since 1970: it wrote nothing any more by then.
  public let before: UInt64

  public init(life: Incarnation, after: UInt64, before: UInt64) {
    self.life = life
    self.after = after
    self.before = before
  }

  /// One for each life, in order: its data loops have a journal each.
  public static func merged(_ losses: [JournalLoss]) -> [JournalLoss] {
    var merged: [JournalLoss] = []
    for loss in losses.sorted(by: { $0.life.number < $1.life.number }) {
      guard let last = merged.last, last.life == loss.life else {
        merged.append(loss)
        continue
      }
      merged[merged.count - 1] = JournalLoss(
        life: loss.life, after: min(last.after, loss.after), before: max(last.before, loss.before))
    }
    return merged
  }
}

extension JournalLoss: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    life.encode(into: &writer)
    writer.write(unsigned: after)
    writer.write(unsigned: before)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      life: try Incarnation(from: &reader), after: try reader.readUnsigned(),
      before: try reader.readUnsigned())
  }
}
