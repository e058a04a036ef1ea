/// What one caller knows of its keys: what was acknowledged, what it read, and when it was served.
///
/// It has a few keys and takes turns: each is read before it is written again, so that every acknowledged write is
/// looked for once at least, also one that is followed by others at once.
struct Ledger {
  /// One key. Its writes are numbered.
  struct Entry: Equatable {
    /// The highest number that was acknowledged; 0: none.
    var acknowledged: UInt64 = 0
    /// The highest number that was tried.
    var attempted: UInt64 = 0
    /// Numbers that were tried and not acknowledged.
    var unknown: Set<UInt64> = []
    /// It read less than was acknowledged. It is not written any more, and looked at again in the end.
    var isDisputed = false

    mutating func attempt() -> UInt64 {
      attempted += 1
      return attempted
    }

    mutating func acknowledge(_ number: UInt64) { acknowledged = max(acknowledged, number) }
    mutating func fail(_ number: UInt64) { unknown.insert(number) }

    /// Whether a value that was read is one that the key may have: nothing less than was acknowledged.
    func isPlausible(_ value: UInt64?) -> Bool { (acknowledged...attempted).contains(value ?? 0) }

    /// How many acknowledged writes a value that was read in the end lacks.
    func lost(by value: UInt64?) -> Int {
      let value = value ?? 0
      guard value < acknowledged else { return 0 }
      return Int(acknowledged - value) - unknown.count { $0 > value && $0 < acknowledged }
    }
  }

  var entries: [Entry]
  private(set) var requests = 0
  private(set) var failures: [String] = []
  private(set) var lastSuccess: ContinuousClock.Instant
  /// Since the mark: the longest time between two successes, the first of which may have been before it.
  private(set) var longestGap = Duration.zero
  /// When that was over.
  private(set) var longestGapEnd: ContinuousClock.Instant
  /// Successes since the mark of requests that began after it.
  private(set) var servedSinceMark = 0
  private(set) var acknowledgedSinceMark = 0
  private(set) var lastAcknowledged: ContinuousClock.Instant?
  /// By the key's index, where that is kept: each acknowledged write.
  private(set) var record: [Int: [(number: UInt64, at: ContinuousClock.Instant)]] = [:]
  private let isRecorded: Bool
  private var markedAt: ContinuousClock.Instant

  init(keys: Int, isRecorded: Bool = false, now: ContinuousClock.Instant) {
    self.isRecorded = isRecorded
    entries = Array(repeating: Entry(), count: keys)
    lastSuccess = now
    markedAt = now
    longestGapEnd = now
  }

  /// From here on gaps are measured. Of what was recorded before, the last still tells what has to be read.
  mutating func mark(_ now: ContinuousClock.Instant) {
    markedAt = now
    longestGap = .zero
    servedSinceMark = 0
    acknowledgedSinceMark = 0
    record = record.mapValues { $0.suffix(1) }
  }

  mutating func succeeded(begunAt: ContinuousClock.Instant, now: ContinuousClock.Instant) {
    requests += 1
    if now - lastSuccess > longestGap {
      longestGap = now - lastSuccess
      longestGapEnd = now
    }
    lastSuccess = now
    if begunAt >= markedAt { servedSinceMark += 1 }
  }

  mutating func acknowledged(_ number: UInt64, of index: Int, now: ContinuousClock.Instant) {
    entries[index].acknowledge(number)
    acknowledgedSinceMark += 1
    lastAcknowledged = now
    if isRecorded { record[index, default: []].append((number, now)) }
  }

  /// It was not served: the gap goes on.
  mutating func failed(_ reason: String) {
    requests += 1
    failures.append(reason)
  }
}
