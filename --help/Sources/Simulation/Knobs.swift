import Cluster
import Commander
import Database
import Drone
import Journal

/// Every bound of the cores, and the pace of what they wait for, drawn anew by each seed, as FoundationDB does with its
/// knobs: a bound that no schedule meets is a bound that nobody has tried, so they are small often.
struct Knobs: Sendable {
  var data = DataBounds()
  var store = Self.frequentFolds
  var journal = Journal.Bounds(half: 0)
  /// How many data loops each drone has, one after the other.
  private var loops = [2]
  /// A drone that is started again has as many as another had.
  private var changesLoops = false
  /// Partitions that may be on their way at the same time.
  var moves = CommanderCore.concurrentMoves
  /// Bytes that are added to each value.
  var padding = 0
  /// Microseconds that the disk takes to write, and to sync.
  var diskTime: ClosedRange<Int64> = 100...1_500
  /// Microseconds for each record of a transaction.
  var recordTime: Int64 = 0
  /// In a million transactions so many take a while longer: microseconds.
  var stalls = 0
  var stallTime: ClosedRange<Int64> = 0...0

  /// As they are in a release, with a store that keeps up.
  static let plain = Knobs()

  static let mostLoops = 3

  private init() {}

  init(seed: UInt64) {
    var random = SeededRandom(seed: seed, stream: 20)
    // A quarter of the schedules is as it would be outside: what small bounds bring about may hide the rest.
    guard random.chance(750_000) else { return }
    func draw<Value>(_ value: inout Value, _ small: [Value], _ random: inout SeededRandom) {
      if random.chance(500_000) { value = small[random.index(small.count)] }
    }
    draw(&padding, [100, 1_000], &random)
    draw(&data.backlog, [3 * (90 + padding), 10 * (90 + padding), 60 * (90 + padding)], &random)
    draw(&data.backlogTime, [100, 500], &random)
    draw(&data.absence, [1_000, 10_000], &random)
    // A record and a list fit in.
    draw(&data.appendRoom, [2_500, 6_000], &random)
    data.appendLength = min(data.appendLength, data.appendRoom)
    draw(&data.appendLength, [1, 300, 1_500], &random)
    draw(&data.batchShare, [1, 1, 250, 1_000], &random)
    // Fewer than come while a copy is made would let no copy ever be whole.
    draw(&data.keptForShadows, [60, 400], &random)
    draw(&data.pieceLength, [1, 100, 1_000], &random)
    draw(&data.pieces, [1, 2], &random)
    draw(&data.tail, [8 * (90 + padding), 40 * (90 + padding)], &random)
    draw(&data.history.outcomes, [2, 8, 64], &random)
    if random.chance(200_000) { draw(&data.history.clients, [1, 2], &random) }
    draw(&store.group, [1, 300, 2_000], &random)
    draw(&store.alternateGroup, [1, 300, 2_000], &random)
    draw(&store.waiting, [10_000], &random)
    // With fewer than the loops that open something at the same time, who comes first is a matter of luck for minutes.
    // Seven drones have twenty-one.
    draw(&store.orders, [24, 40], &random)
    draw(&store.fullLog.rows, [1, 5, 40], &random)
    draw(&store.longLog.rows, [1, 3, 20], &random)
    draw(&store.shortLog.rows, [0, 2, 10], &random)
    draw(&store.streams, [1, 2], &random)
    draw(&store.waitingStreams, [2, 6], &random)
    draw(&moves, [1, 4], &random)
    drawPace(&random)
    // Drawn apart, so that what was drawn before there was a ceiling stays as it was.
    var journaling = SeededRandom(seed: seed, stream: 25)
    if journaling.chance(200_000) { journal = Journal.Bounds(half: 0, longest: 0) }
    var looping = SeededRandom(seed: seed, stream: 26)
    loops = (0..<7).map { _ in 1 + looping.index(Self.mostLoops) }
    changesLoops = looping.chance(250_000)
    var apart = SeededRandom(seed: seed, stream: 24)
    if apart.chance(250_000) {
      data.memory = [60_000, 150_000, 400_000][apart.index(3)] + Int(apart.number(0...20_000))
    }
  }

  /// The loops of a drone of this number, which has had so many lives.
  func placement(of drone: Int, after lives: Int) -> LoopPlacement {
    LoopPlacement(count: loops[(drone + (changesLoops ? lives : 0)) % loops.count])
  }

  /// The store is behind: always a little, by the record, or now and then for long.
  private mutating func drawPace(_ random: inout SeededRandom) {
    switch random.index(7) {
    case 0: diskTime = 5_000...40_000
    case 1: recordTime = random.number(500...6_000)
    case 2: (stalls, stallTime) = (Int(random.number(5_000...60_000)), 100_000...2_500_000)
    case 3:
      diskTime = 2_000...15_000
      recordTime = random.number(1_000...10_000)
      (stalls, stallTime) = (20_000, 100_000...1_500_000)
    case 4:
      // Whatever moves, moves in the middle of a backlog: it goes to the database record by record, and is allowed to.
      diskTime = 15_000...45_000
      data.batchShare = 1
      (data.backlog, data.backlogTime) = (DataBounds().backlog, DataBounds().backlogTime)
      data.tail = DataBounds().tail
    default: break
    }
  }
}

extension Knobs {
  /// A run is short, and has few records: folds come at each tick, so that they are among everything that happens.
  fileprivate static var frequentFolds: StoreBounds {
    var bounds = StoreBounds()
    bounds.quietTicks = 1
    bounds.fullLog = StoreBacklog(rows: 16_384, records: 262_144, bytes: 64 << 20)
    bounds.longLog = StoreBacklog(rows: 4096, records: 65_536, bytes: 16 << 20)
    bounds.shortLog = StoreBacklog(rows: 256, records: 4096, bytes: 1 << 20)
    return bounds
  }
}
