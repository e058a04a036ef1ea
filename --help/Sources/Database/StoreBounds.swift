import Cluster

/// All limits of what waits for a database's store, on one screen. The simulator draws them anew for each seed.
public struct StoreBounds: Hashable, Sendable {
  /// Bytes of records in one group commit: whoever comes behind it waits so long.
  public var group = 1 << 20
  /// The same, while folding and appending take turns: about what a fold makes room for.
  public var alternateGroup = 256 << 10
  /// Bytes of appends that may wait, the last of them not counted; beyond that drones are told to try again.
  public var waiting = 64 << 20
  /// Terms, keys and openings that may wait.
  public var orders = 4096
  /// Beyond this, folding goes before appending. This and the next two, or a share of the keyed table (half of it: 2),
  /// whichever is more, and twice this at most: a pass rewrites about all of a table, however little it has for it.
  public var fullLog = StoreBacklog(rows: 16_384, records: 524_288, bytes: 64 << 20)
  public var fullShare = 1
  /// Beyond this, folding and appending take turns: a backlog that grows on would make appends wait for long stretches
  /// of folding later, and whoever loads a partition has all of it to read.
  public var longLog = StoreBacklog(rows: 8192, records: 262_144, bytes: 32 << 20)
  public var longShare = 2
  /// Up to this, folding waits until it has been quiet for a while.
  public var shortLog = StoreBacklog(rows: 4096, records: 131_072, bytes: 16 << 20)
  public var shortShare = 4
  /// For so many ticks without an append. Before, little would be folded at a time, and the table rewritten for it.
  public var quietTicks = 4
  /// Streams of contents at a time; the store must have as many readers.
  public var streams = StreamQueue.concurrent
  /// Streams that may wait.
  public var waitingStreams = 4096

  public init() {}
}
