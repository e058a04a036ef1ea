import Histories

/// Numbers that are incremented by compare-and-put. Whoever increments goes by what an answer said last.
struct Counters: WorkloadPart {
  let share = 12
  private var known: [(key: [UInt8], value: [UInt8]?)]

  init(count: Int) { known = (0..<count).map { (Array("counter \($0)".utf8), nil) } }

  mutating func next(
    _ random: inout SeededRandom, newValue: () -> [UInt8]
  ) -> (key: [UInt8], call: Operation.Call) {
    let counter = known[random.index(known.count)]
    guard random.index(4) > 0 else { return (counter.key, .get) }
    let next = Self.bytes(of: Self.number(counter.value) + 1)
    return (counter.key, .compareAndPut(expected: counter.value, next))
  }

  mutating func answered(_ key: [UInt8], _ call: Operation.Call, _ result: Operation.Result?) {
    guard let index = known.firstIndex(where: { $0.key == key }) else { return }
    switch (call, result) {
    case (.get, .value(let value)): known[index].value = value
    case (.compareAndPut(_, let value), .matched(true)): known[index].value = value
    default: break
    }
  }

  /// A counter stands at the number of the increments that were told to have been made, and perhaps of some that
  /// nothing is known of.
  func check(_ history: History, isLost: ([UInt8]) -> Bool) -> [String] {
    known.filter { !isLost($0.key) }.compactMap { counter in
      let operations = history.meaningful(counter.key)
      let reads = operations.filter { $0.call == .get }
      guard let last = reads.max(by: { $0.invoked < $1.invoked }), case .value(let value) = last.result
      else { return nil }
      let made = operations.count { $0.result == .matched(true) && $0.returned < last.invoked }
      let perhaps = operations.count {
        $0.call != .get
          && ($0.result == .unknown || $0.result == .matched(true) && $0.returned >= last.invoked)
      }
      let number = Int(clamping: Self.number(value))
      if (made...made + perhaps).contains(number) { return nil }
      let name = String(decoding: counter.key, as: UTF8.self)
      return "‘\(name)’ stands at \(number) after \(made) increments, and \(perhaps) that are not known of"
    }
  }

  private static func number(_ value: [UInt8]?) -> UInt64 { (value ?? []).reduce(0) { $0 << 8 | UInt64($1) } }

  /// Longer than the values of other keys, so that none of them is the same.
  private static func bytes(of number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (7 - $0))) }
  }
}
