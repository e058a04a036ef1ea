import Cluster

/// What waits for the store, and what is next: terms, keys and openings first, then everything that wants to
/// be appended as one group, and the folding when it is quiet or when too much has gathered.
struct JobQueue: Sendable {
  /// A job before the appends, and the session (and the number on it) that waits for it.
  struct Order: Sendable {
    let job: StoreJob
    let session: UInt64
    var number: UInt64 = 0
  }

  /// A request that waits for its group.
  struct Append: Sendable {
    let session: UInt64
    let number: UInt64
    let group: AppendGroup
    let length: Int

    init(session: UInt64, number: UInt64, group: AppendGroup) {
      self.session = session
      self.number = number
      self.group = group
      length = group.batches.reduce(0) { $0 + 64 + $1.records.bytes.count }
    }
  }

  /// The job that is under way, with those who wait for it.
  enum Current: Sendable {
    case order(Order)
    case append([Append])
    case fold
  }

  private let bounds: StoreBounds
  private var orders: [Order] = []
  private var appends: [Append] = []
  private var waitingLength = 0
  private(set) var current: Current?
  private var backlog: StoreBacklog
  /// It has been quiet for a while, and something waits to be folded: fold until nothing is left, or somebody appends.
  private var isDraining = false
  /// Ticks since the last append came.
  private var quietTicks = 0
  /// The last job was a fold. With a large backlog it is an append's turn then.
  private var hasFolded = false
  /// Why folding does not work at the moment; tried again at the next tick.
  private var foldFailure: String?
  /// The process is about to end: drones wait for their appends alone, and what is not folded now is folded later.
  var isEnding = false

  init(backlog: StoreBacklog, bounds: StoreBounds = StoreBounds()) {
    self.backlog = backlog
    self.bounds = bounds
  }

  /// False when too much waits.
  mutating func add(_ order: Order) -> Bool {
    guard orders.count < bounds.orders else { return false }
    orders.append(order)
    return true
  }

  /// Nil, or why it cannot be taken now.
  mutating func add(_ append: Append) -> String? {
    if let foldFailure, isFull { return foldFailure }
    // Not what comes with it is counted, but what waits before it: one that alone is longer would never be taken.
    guard waitingLength < bounds.waiting else {
      return "too much waits for this database's disk"
    }
    appends.append(append)
    waitingLength += append.length
    quietTicks = 0
    // Who is to fold at each tick is not kept from it by appends.
    if bounds.quietTicks > 1 { isDraining = false }
    return nil
  }

  func contains(_ job: StoreJob, session: UInt64) -> Bool {
    if case .order(let order) = current, order.job == job, order.session == session { return true }
    return orders.contains { $0.job == job && $0.session == session }
  }

  mutating func tick() {
    foldFailure = nil
    quietTicks = min(quietTicks + 1, bounds.quietTicks)
    if quietTicks == bounds.quietTicks { isDraining = true }
  }

  /// Nothing waits, and nothing is under way.
  var isIdle: Bool { current == nil && orders.isEmpty && appends.isEmpty }

  /// Nothing comes of time that passes.
  var isQuiet: Bool { isIdle && foldFailure == nil && backlog.isEmpty && quietTicks == bounds.quietTicks }

  private var isFull: Bool { backlog.exceeds(bounds.fullLog, orShare: bounds.fullShare) }

  /// The next job, if none is under way and something waits.
  mutating func next() -> StoreJob? {
    guard current == nil else { return nil }
    if !orders.isEmpty {
      let order = orders.removeFirst()
      current = .order(order)
      return order.job
    }
    if foldFailure == nil, isFull { return fold() }
    let takesTurns =
      foldFailure == nil && !isEnding && backlog.exceeds(bounds.longLog, orShare: bounds.longShare)
    if takesTurns, !hasFolded { return fold() }
    if !appends.isEmpty { return group(takesTurns ? bounds.alternateGroup : bounds.group) }
    guard foldFailure == nil, !isEnding, !backlog.isEmpty,
      isDraining || backlog.exceeds(bounds.shortLog, orShare: bounds.shortShare)
    else {
      isDraining = false
      return nil
    }
    return fold()
  }

  private mutating func fold() -> StoreJob {
    current = .fold
    hasFolded = true
    return .fold
  }

  private mutating func group(_ longest: Int) -> StoreJob {
    hasFolded = false
    var length = 0
    var count = 0
    while count < appends.count, count == 0 || length + appends[count].length <= longest {
      length += appends[count].length
      count += 1
    }
    let taken = Array(appends[..<count])
    appends.removeFirst(count)
    waitingLength -= length
    current = .append(taken)
    return .append(taken.map(\.group))
  }

  /// The job under way, to be tried once more.
  var again: StoreJob? {
    switch current {
    case .order(let order): order.job
    case .append(let appends): .append(appends.map(\.group))
    case .fold: .fold
    case nil: nil
    }
  }

  /// Nothing waits any more; gives back who did, in order.
  mutating func dropWaiting() -> [Current] {
    defer { (orders, appends, waitingLength) = ([], [], 0) }
    return orders.map { .order($0) } + (appends.isEmpty ? [] : [.append(appends)])
  }

  /// The job under way is over; gives back who waited for it.
  mutating func finish(backlog: StoreBacklog) -> Current? {
    self.backlog = backlog
    defer { current = nil }
    return current
  }

  /// As `finish`, for a job that failed.
  mutating func fail(reason: String, backlog: StoreBacklog) -> Current? {
    if case .fold = current { foldFailure = reason }
    return finish(backlog: backlog)
  }
}
