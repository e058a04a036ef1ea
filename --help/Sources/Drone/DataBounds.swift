import Wire

/// All limits of a data loop, on one screen. The simulator draws them anew for each seed, small ones often: a limit that
/// no schedule meets is a limit that nobody has tried.
public struct DataBounds: Hashable, Sendable {
  /// Bytes of writes that may be acknowledged before the database has them. A quarter more may wait for their answers;
  /// beyond, writes are turned away.
  public var backlog = 64 << 20
  /// Milliseconds within which the database has to be able to store what was acknowledged before it.
  public var backlogTime: Int64 = 2_000
  /// Milliseconds that the database may be away until `backlog` is used up by those who write most.
  public var absence: Int64 = 60_000
  /// Room for batches in one append: what a record takes less the head of the request. Any one write fits.
  public var appendRoom = Limits.maximumPlaintextLength - 32
  /// Bytes after which an append is long enough: the database's other clients wait for it, and so do openings.
  public var appendLength = 256 << 10
  /// Bytes of one partition's records in an append, unless the first one alone is longer.
  public var batchShare = 32 << 10
  /// Records that may be kept for a shadow alone; beyond, it begins anew.
  public var keptForShadows = 65_536
  /// Bytes of a partition's log beyond which a shadow that takes nothing begins anew.
  public var logLength = 8 << 20
  /// Bytes of entries that are read from a table at a time.
  public var pieceLength = 64 << 10
  /// Pieces that a shadow may have not taken yet.
  public var pieces = 4
  /// As a shadow: bytes of records that are kept for the database.
  public var tail = 128 << 20
  /// Bytes of answers that wait until what they tell is secured; beyond, reads that would wait are turned away.
  public var waitingReads = 8 << 20
  /// What is remembered of a partition's writes.
  public var history = HistoryBounds()
  /// Bytes that the drone may hold, of all its loops, until what clients put is refused (`MemoryGate`).
  public var memory = 1 << 40

  public init() {}
}

/// How much is remembered of a partition's writes.
public struct HistoryBounds: Hashable, Sendable {
  /// Outcomes; the database keeps as many.
  public var outcomes = 1024
  /// Clients whose highest dropped write is remembered.
  public var clients = 4096

  public init() {}
}
