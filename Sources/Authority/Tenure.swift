import Cluster

/// Which of an authority's processes is active: one that stands by until it may take over, and then renews. A state
/// machine without I/O, clock or randomness.
///
/// Why two never hold the tenure at the same instant: the active one renews by compare-and-set, and counts its tenure
/// from *before* it began the renewal. One that stands by counts from *after* it first saw that renewal, and takes
/// over, by compare-and-set on that very record, a tenure and a drift later. So the other's tenure was over before,
/// by whichever clock; and should the other wake up, its next renewal compares and fails.
public struct Tenure: Sendable {
  public enum Event: Hashable, Sendable {
    /// Some time passed; several times a heartbeat.
    case ticked
    case read(operation: UInt64, TenureRecord)
    case replaced(operation: UInt64, Replacement)
    /// The register could not be read or written, or nobody knows whether it was.
    case failed(operation: UInt64)
  }

  /// How a compare-and-set on the record ended.
  public enum Replacement: Hashable, Sendable {
    case stored
    /// This is there instead.
    case stale(TenureRecord)
  }

  /// What has an operation is answered by one event with its number.
  public enum Action: Hashable, Sendable {
    case read(operation: UInt64)
    /// Compare-and-set: store the second if the first is what is stored.
    case replace(operation: UInt64, TenureRecord, with: TenureRecord)
    /// This process is the active one. What it knows of the register it must read after this.
    case begin(until: Instant)
    case extend(until: Instant)
    /// Another has taken over: answer nobody, write nothing. The value is of no use any more; who wants to stand by
    /// again does so as another incarnation.
    case end
  }

  private enum State: Sendable {
    /// What was seen last, and since when it has stood still.
    case standingBy(seen: TenureRecord?, since: Instant)
    /// The record to be replaced, since when it has stood still, and what is to take its place.
    case taking(from: TenureRecord, since: Instant, to: TenureRecord, began: Instant)
    case held(TenureRecord)
    case renewing(from: TenureRecord, to: TenureRecord, began: Instant)
    case ended
  }

  public let holder: Incarnation
  private let timing: Timing
  private var state = State.standingBy(seen: nil, since: Instant(milliseconds: .min))
  /// Before this it is certain that no other is active.
  public private(set) var until = Instant(milliseconds: .min)
  private var operations: UInt64 = 0
  /// The number of what is waited for; nil while nothing is.
  private var pending: UInt64?
  private var lastAsked: Instant?

  /// - Parameter holder: of this attempt alone, so that nothing written in an earlier one counts for it.
  public init(holder: Incarnation, timing: Timing) {
    self.holder = holder
    self.timing = timing
  }

  public mutating func handle(_ event: Event, now: Instant) -> [Action] {
    switch event {
    case .ticked: return tick(now)
    case .read(let operation, let record):
      guard pending == operation else { return [] }
      pending = nil
      return see(record, now)
    case .replaced(let operation, let outcome):
      guard pending == operation else { return [] }
      pending = nil
      return replaced(outcome, now)
    case .failed(let operation):
      guard pending == operation else { return [] }
      pending = nil
      return failed()
    }
  }

  /// When `ticked` next does something; nil: not before something has come.
  public var nextTick: Instant? {
    guard pending == nil else { return nil }
    guard let lastAsked else { return Instant(milliseconds: .min) }
    return lastAsked + timing.heartbeat
  }

  private mutating func tick(_ now: Instant) -> [Action] {
    guard let nextTick, now >= nextTick else { return [] }
    lastAsked = now
    switch state {
    case .standingBy: return [.read(operation: nextOperation())]
    case .held(let record):
      let next = record.followed(by: holder)
      state = .renewing(from: record, to: next, began: now)
      return [.replace(operation: nextOperation(), record, with: next)]
    case .taking, .renewing, .ended: return []
    }
  }

  private mutating func see(_ record: TenureRecord, _ now: Instant) -> [Action] {
    guard case .standingBy(let seen, let since) = state else { return [] }
    let isFree = record.holder == nil || record.holder == holder
    let isOver = record == seen && now - since > timing.tenure + timing.drift
    guard isFree || isOver else {
      if record != seen { state = .standingBy(seen: record, since: now) }
      return []
    }
    let next = record.followed(by: holder)
    state = .taking(from: record, since: record == seen ? since : now, to: next, began: now)
    return [.replace(operation: nextOperation(), record, with: next)]
  }

  private mutating func replaced(_ outcome: Replacement, _ now: Instant) -> [Action] {
    switch (state, outcome) {
    case (.taking(_, _, let record, let began), .stored):
      state = .held(record)
      until = began + timing.tenure
      return [.begin(until: until)]
    case (.taking, .stale(let record)):
      state = .standingBy(seen: record, since: now)
      return []
    case (.renewing(_, let record, let began), .stored):
      state = .held(record)
      until = began + timing.tenure
      return [.extend(until: until)]
    case (.renewing, .stale(let record)):
      // An earlier renewal was stored after all: the next one goes on from there.
      if record.holder == holder {
        state = .held(record)
        lastAsked = nil
        return []
      }
      state = .ended
      return [.end]
    case (.standingBy, _), (.held, _), (.ended, _): return []
    }
  }

  /// Whether it was stored shows in what comes next.
  private mutating func failed() -> [Action] {
    switch state {
    case .taking(let record, let since, _, _): state = .standingBy(seen: record, since: since)
    case .renewing(let record, _, _): state = .held(record)
    case .standingBy, .held, .ended: break
    }
    return []
  }

  private mutating func nextOperation() -> UInt64 {
    operations &+= 1
    pending = operations
    return operations
  }
}
