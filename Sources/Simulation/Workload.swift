/// What clients ask: reads, writes and deletes of a few registers, a set of keys that only grows, and counters that
/// are incremented by compare-and-put. All values of registers are different, so that a read says which write it saw.
final class Workload {
  var history = History()
  let callers: Int
  /// Milliseconds between an answer and the next request of a caller, for each client.
  let pauses: [ClosedRange<Int64>]
  /// Milliseconds until a request is given up.
  let patience: Int64 = 6_000
  private let registers: [[UInt8]]
  private var members: [[UInt8]] = []
  /// What an answer said last of each counter; nil while it has no value.
  private var counters: [(key: [UInt8], value: [UInt8]?)]
  private var values: UInt64 = 0
  /// Keys that are still to be read once the faults are over; before that nil.
  private var lastReads: [[UInt8]]?
  private var unread: Set<[UInt8]> = []
  private(set) var failures = 0

  init(callers: Int, registers: Int, pauses: [ClosedRange<Int64>]) {
    self.callers = callers
    self.pauses = pauses
    self.registers = (0..<registers).map { Array("register \($0)".utf8) }
    counters = (0..<2).map { (Array("counter \($0)".utf8), nil) }
  }

  /// Nil when there is nothing to ask.
  func next(_ random: inout SeededRandom) -> (key: [UInt8], call: Operation.Call)? {
    if lastReads != nil { return lastReads?.popLast().map { ($0, .get) } }
    let dice = random.index(100)
    if dice < 12 {
      let key = Array("member \(members.count)".utf8)
      members.append(key)
      return (key, .put(newValue()))
    }
    if dice < 20, !members.isEmpty { return (members[random.index(members.count)], .get) }
    if dice < 32 { return count(on: counters[random.index(counters.count)], &random) }
    let key = registers[random.index(registers.count)]
    if dice < 62 { return (key, .put(newValue())) }
    return dice < 69 ? (key, .delete) : (key, .get)
  }

  private func count(
    on counter: (key: [UInt8], value: [UInt8]?), _ random: inout SeededRandom
  ) -> (key: [UInt8], call: Operation.Call) {
    guard random.index(4) > 0 else { return (counter.key, .get) }
    let number = (counter.value ?? []).reduce(0) { $0 << 8 | UInt64($1) }
    return (counter.key, .compareAndPut(expected: counter.value, Self.bytes(of: number + 1)))
  }

  private func newValue() -> [UInt8] {
    values += 1
    return Self.bytes(of: values)
  }

  private static func bytes(of number: UInt64) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (3 - $0))) }
  }

  /// - Parameter result: nil when it was certainly not executed.
  func answered(_ key: [UInt8], _ call: Operation.Call, _ result: Operation.Result?) {
    let hasResult = result.map { $0 != .unknown } ?? false
    if !hasResult { failures += 1 }
    if let index = counters.firstIndex(where: { $0.key == key }) {
      switch (call, result) {
      case (.get, .value(let value)): counters[index].value = value
      case (.compareAndPut(_, let value), .matched(true)): counters[index].value = value
      default: break
      }
    }
    guard lastReads != nil, call == .get, unread.contains(key) else { return }
    // Whoever gets no answer asks again.
    if hasResult { unread.remove(key) } else { lastReads?.append(key) }
  }

  /// From now on every key is read, and nothing else is asked.
  func readEverything() {
    lastReads = history.keys
    unread = Set(history.keys)
  }

  var hasReadEverything: Bool { lastReads != nil && unread.isEmpty }
  var unreadCount: Int { unread.count }
}
