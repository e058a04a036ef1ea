import Cluster

/// Whose a journal is: what stands in its head.
public struct JournalOwner: Hashable, Sendable {
  /// The running system that it was written under: its memory is gone with that.
  public struct Boot: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
      self.high = high
      self.low = low
    }
  }

  public let principal: Principal
  public let life: Incarnation
  public let boot: Boot

  public init(principal: Principal, life: Incarnation, boot: Boot) {
    self.principal = principal
    self.life = life
    self.boot = boot
  }
}

/// What a process may stand for of a partition, though the process that had it in memory is gone: its records behind what
/// the database has. The database alone says whether they are wanted.
public struct JournalStand: Hashable, Sendable {
  public let partition: Partition
  /// The life that had it.
  public let life: Incarnation
  /// Under which the records were numbered.
  public let token: FencingToken
  /// The database has every record up to this one.
  public let base: UInt64
  public let records: [LogRecord]

  public init(
    partition: Partition, life: Incarnation, token: FencingToken, base: UInt64, records: [LogRecord] = []
  ) {
    self.partition = partition
    self.life = life
    self.token = token
    self.base = base
    self.records = records
  }

  public var end: UInt64 { base + UInt64(records.count) }
}

/// Why a journal is not believed.
public enum JournalError: Error, Hashable, Sendable, CustomStringConvertible {
  /// It does not begin as one does.
  case foreign
  case newer(version: UInt32)
  /// Of another drone: a directory was mistaken for another's.
  case otherDrone(String)
  /// Shorter than it says.
  case truncated(bytes: Int)
  /// Not what was written, from this byte on.
  case damaged(offset: Int)
  /// The machine has restarted since, with a part of it in memory only.
  case incomplete

  public var description: String {
    switch self {
    case .foreign: "it is no journal of Keyval"
    case .newer(let version): "it was written by a later version of Keyval (its format is \(version))"
    case .otherDrone(let name): "it is the journal of \(name)"
    case .truncated(let bytes): "it ends after \(bytes) bytes, before its end"
    case .damaged(let offset): "it is damaged at byte \(offset)"
    case .incomplete: "the machine has restarted since it was written, and the end of it was in memory only"
    }
  }
}
