import Histories

/// What one kind of client asks, and what must hold of what it was told besides each key's history being
/// linearizable. A further kind is one more of these in `Workload.parts`.
protocol WorkloadPart {
  /// Of all requests about so many in a hundred are of this kind.
  var share: Int { get }

  /// - Parameter newValue: a value that no other write has.
  mutating func next(
    _ random: inout SeededRandom, newValue: () -> [UInt8]
  ) -> (key: [UInt8], call: Operation.Call)

  /// - Parameter result: nil when it was certainly not executed.
  mutating func answered(_ key: [UInt8], _ call: Operation.Call, _ result: Operation.Result?)

  /// Of keys in partitions of which nothing was lost.
  /// - Returns: sentences about what must not be.
  func check(_ history: History, isLost: ([UInt8]) -> Bool) -> [String]
}

/// What clients ask, kind by kind. All values are different, so that a read says which write it saw.
final class Workload {
  var history = History()
  let callers: Int
  /// Milliseconds between an answer and the next request of a caller, for each client.
  let pauses: [ClosedRange<Int64>]
  /// Milliseconds until a request is given up.
  let patience: Int64 = 6_000
  private var parts: [any WorkloadPart]
  /// Bytes that make values longer.
  private let padding: [UInt8]
  private var values: UInt64 = 0
  /// Keys that are still to be read once the faults are over; before that nil.
  private var lastReads: [[UInt8]]?
  private var unread: Set<[UInt8]> = []
  private(set) var failures = 0

  init(callers: Int, registers: Int, pauses: [ClosedRange<Int64>], padding: Int) {
    self.callers = callers
    self.pauses = pauses
    self.padding = [UInt8](repeating: 0x2e, count: padding)
    parts = [Registers(count: registers), GrowingSet(), Counters(count: 2)]
  }

  /// Nil when there is nothing to ask.
  func next(_ random: inout SeededRandom) -> (key: [UInt8], call: Operation.Call)? {
    if lastReads != nil { return lastReads?.popLast().map { ($0, .get) } }
    var dice = random.index(parts.reduce(0) { $0 + $1.share })
    for index in parts.indices {
      if dice < parts[index].share { return parts[index].next(&random, newValue: newValue) }
      dice -= parts[index].share
    }
    return nil
  }

  /// One of those that there are, for who knows them.
  static func anyKey(_ random: inout SeededRandom) -> [UInt8] {
    let name =
      switch random.index(10) {
      case 0: "counter \(random.index(2))"
      case 1, 2: "member \(random.index(40))"
      default: "register \(random.index(9))"
      }
    return Array(name.utf8)
  }

  private func newValue() -> [UInt8] {
    values += 1
    return (0..<4).map { UInt8(truncatingIfNeeded: values >> UInt64(8 * (3 - $0))) } + padding
  }

  /// - Parameter result: nil when it was certainly not executed.
  func answered(_ key: [UInt8], _ call: Operation.Call, _ result: Operation.Result?) {
    let hasResult = result.map { $0 != .unknown } ?? false
    if !hasResult { failures += 1 }
    for index in parts.indices { parts[index].answered(key, call, result) }
    guard lastReads != nil, call == .get, unread.contains(key) else { return }
    // Whoever gets no answer asks again.
    if hasResult {
      unread.remove(key)
    } else {
      lastUnread = key
      lastReads?.append(key)
    }
  }

  /// From now on every key is read, and nothing else is asked.
  func readEverything() {
    lastReads = history.keys
    unread = Set(history.keys)
  }

  var hasReadEverything: Bool { lastReads != nil && unread.isEmpty }
  var unreadCount: Int { unread.count }
  /// The key whose read failed last.
  private(set) var lastUnread: [UInt8]?

  /// What the parts find wrong.
  func check(isLost: ([UInt8]) -> Bool) -> [String] { parts.flatMap { $0.check(history, isLost: isLost) } }
}

extension WorkloadPart {
  func answered(_ key: [UInt8], _ call: Operation.Call, _ result: Operation.Result?) {}
}

/// Reads, writes and deletes of a few keys: the fewer, the more they meet.
struct Registers: WorkloadPart {
  let share = 80
  private let keys: [[UInt8]]

  init(count: Int) { keys = (0..<count).map { Array("register \($0)".utf8) } }

  mutating func next(
    _ random: inout SeededRandom, newValue: () -> [UInt8]
  ) -> (key: [UInt8], call: Operation.Call) {
    let dice = random.index(80)
    let key = keys[random.index(keys.count)]
    if dice < 38 { return (key, .put(newValue())) }
    return (key, dice < 46 ? .delete : .get)
  }

  func check(_ history: History, isLost: ([UInt8]) -> Bool) -> [String] { [] }
}

/// A set that only grows: each member is a key that is written once. Who reads it goes from member to member, and
/// finds every one whose writer was told so before he asked.
struct GrowingSet: WorkloadPart {
  let share = 20
  private var members: [[UInt8]] = []
  private var position = 0

  mutating func next(
    _ random: inout SeededRandom, newValue: () -> [UInt8]
  ) -> (key: [UInt8], call: Operation.Call) {
    if members.isEmpty || random.chance(600_000) {
      let key = Array("member \(members.count)".utf8)
      members.append(key)
      return (key, .put(newValue()))
    }
    position = (position + 1) % members.count
    return (members[position], .get)
  }

  func check(_ history: History, isLost: ([UInt8]) -> Bool) -> [String] {
    members.filter { !isLost($0) }.compactMap { member in
      let operations = history.meaningful(member)
      let added = operations.filter { $0.call != .get && $0.result != .unknown }.map(\.returned).min()
      guard let added,
        let read = operations.first(where: {
          $0.call == .get && $0.invoked > added && $0.result == .value(nil)
        })
      else { return nil }
      return "‘\(String(decoding: member, as: UTF8.self))’ was added at \(added / 1_000) ms, and a reader "
        + "who asked at \(read.invoked / 1_000) ms does not find it"
    }
  }
}
