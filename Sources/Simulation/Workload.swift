import Histories

/// What clients ask: reads, writes and deletes of a few registers, and a set of keys that only grows. All values
/// are different, so that a read says which write it saw.
final class Workload {
  var history = History()
  let callers: Int
  /// Milliseconds between an answer and the next request of a caller, for each client.
  let pauses: [ClosedRange<Int64>]
  /// Milliseconds until a request is given up.
  let patience: Int64 = 6_000
  private let registers: [[UInt8]]
  private var members: [[UInt8]] = []
  private var values: UInt64 = 0
  /// Keys that are still to be read once the faults are over; before that nil.
  private var lastReads: [[UInt8]]?
  private var unread: Set<[UInt8]> = []
  private(set) var failures = 0

  init(callers: Int, registers: Int, pauses: [ClosedRange<Int64>]) {
    self.callers = callers
    self.pauses = pauses
    self.registers = (0..<registers).map { Array("register \($0)".utf8) }
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
    let key = registers[random.index(registers.count)]
    if dice < 58 { return (key, .put(newValue())) }
    return dice < 66 ? (key, .delete) : (key, .get)
  }

  private func newValue() -> [UInt8] {
    values += 1
    return (0..<4).map { UInt8(truncatingIfNeeded: values >> UInt64(8 * (3 - $0))) }
  }

  func answered(_ key: [UInt8], _ call: Operation.Call, hasResult: Bool) {
    if !hasResult { failures += 1 }
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
