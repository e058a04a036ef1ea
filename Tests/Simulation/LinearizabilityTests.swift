import Histories
import Simulation
import Testing

@Suite("Linearizability of histories") struct LinearizabilityTests {
  private func put(_ value: UInt8, _ from: Int64, _ to: Int64, existed: Bool, by client: Int = 0) -> Operation
  {
    Operation(client: client, call: .put([value]), invoked: from, returned: to, result: .existed(existed))
  }

  private func get(_ value: UInt8?, _ from: Int64, _ to: Int64, by client: Int = 1) -> Operation {
    Operation(client: client, call: .get, invoked: from, returned: to, result: .value(value.map { [$0] }))
  }

  private func delete(_ from: Int64, _ to: Int64, existed: Bool) -> Operation {
    Operation(client: 2, call: .delete, invoked: from, returned: to, result: .existed(existed))
  }

  private func unknownPut(_ value: UInt8, _ from: Int64) -> Operation {
    Operation(client: 3, call: .put([value]), invoked: from)
  }

  /// - Parameter matched: nil: nobody knows.
  private func swap(
    _ expected: UInt8?, _ value: UInt8, _ from: Int64, _ to: Int64, _ matched: Bool?, by client: Int = 5
  ) -> Operation {
    Operation(
      client: client, call: .compareAndPut(expected: expected.map { [$0] }, [value]), invoked: from,
      returned: to, result: matched.map { .matched($0) } ?? .unknown)
  }

  private func isAccepted(_ operations: [Operation]) -> Bool {
    Linearizability.check(operations) == .linearizable
  }

  private func isRejected(_ operations: [Operation]) -> Bool {
    if case .violated = Linearizability.check(operations) { true } else { false }
  }

  @Test("what happens one after the other is accepted")
  func sequential() {
    #expect(isAccepted([]))
    #expect(
      isAccepted([
        get(nil, 0, 1), put(1, 2, 3, existed: false), get(1, 4, 5), put(2, 6, 7, existed: true), get(2, 8, 9),
        delete(10, 11, existed: true), get(nil, 12, 13), delete(14, 15, existed: false),
      ]))
  }

  @Test("a stale read is rejected")
  func stale() {
    #expect(isRejected([put(1, 0, 1, existed: false), put(2, 2, 3, existed: true), get(1, 4, 5)]))
  }

  @Test("a lost write is rejected")
  func lost() {
    #expect(isRejected([put(1, 0, 1, existed: false), get(nil, 2, 3)]))
  }

  @Test("a value that nobody wrote is rejected")
  func invented() {
    #expect(isRejected([put(1, 0, 1, existed: false), get(9, 2, 3)]))
  }

  @Test("a read before the write that it saw is rejected")
  func fromTheFuture() {
    #expect(isRejected([get(1, 0, 1), put(1, 2, 3, existed: false)]))
  }

  @Test("two increments of the same value are rejected, and so is a mismatch where nothing else was")
  func increments() {
    let first = swap(nil, 1, 0, 1, true)
    #expect(isAccepted([first, swap(1, 2, 2, 3, true), swap(1, 2, 4, 5, false), get(2, 6, 7)]))
    #expect(isRejected([first, swap(1, 2, 2, 9, true), swap(1, 2, 3, 8, true, by: 6)]))
    #expect(isRejected([first, swap(1, 2, 2, 3, false)]))
    #expect(isRejected([first, swap(1, 2, 2, 3, true), get(1, 4, 5)]))
    // One of which nobody heard may have come between, and may not have.
    #expect(isAccepted([first, swap(1, 2, 2, .max, nil), swap(1, 2, 4, 5, false, by: 6), get(2, 6, 7)]))
    #expect(isAccepted([first, swap(1, 2, 2, .max, nil), swap(1, 2, 4, 5, true, by: 6), get(2, 6, 7)]))
  }

  @Test("overlapping operations may have happened in either order")
  func concurrent() {
    let writes = [put(1, 0, 10, existed: false), put(2, 1, 9, existed: true, by: 4)]
    #expect(isAccepted(writes + [get(2, 11, 12)]))
    let others = [put(1, 0, 10, existed: true), put(2, 1, 9, existed: false, by: 4)]
    #expect(isAccepted(others + [get(1, 11, 12)]))
    #expect(isRejected(writes + [get(1, 11, 12)]))
  }

  @Test("two reads one after the other must not see two overlapping writes the wrong way round")
  func newOldInversion() {
    let write = put(2, 0, 100, existed: true, by: 4)
    let before = put(1, -10, -5, existed: false)
    #expect(isAccepted([before, write, get(1, 10, 20), get(2, 30, 40)]))
    #expect(isRejected([before, write, get(2, 10, 20), get(1, 30, 40)]))
  }

  @Test("what a write says of the value before it counts")
  func existed() {
    #expect(isRejected([put(1, 0, 1, existed: false), put(2, 2, 3, existed: false)]))
    #expect(isRejected([delete(0, 1, existed: true)]))
    #expect(
      isRejected([put(1, 0, 1, existed: false), delete(2, 3, existed: true), delete(4, 5, existed: true)]))
  }

  @Test("a write of unknown outcome may happen once, at any time after it was asked, or never")
  func unknown() {
    #expect(isAccepted([unknownPut(1, 0), get(nil, 1, 2)]))
    #expect(isAccepted([unknownPut(1, 0), get(1, 1, 2)]))
    #expect(isAccepted([unknownPut(1, 0), get(nil, 1, 2), get(1, 100, 101)]))
    #expect(isRejected([get(1, 0, 1), unknownPut(1, 2)]))
    // Not twice.
    #expect(
      isRejected([
        unknownPut(1, 0), get(1, 1, 2), put(2, 3, 4, existed: true), get(2, 5, 6), get(1, 7, 8),
      ]))
  }

  @Test("many operations of unknown outcome are no obstacle")
  func manyUnknown() {
    var operations = (0..<24).map { unknownPut(UInt8($0 + 100), Int64($0)) }
    for index in 0..<40 {
      operations.append(
        put(UInt8(index), Int64(100 + 10 * index), Int64(105 + 10 * index), existed: index > 0))
      operations.append(get(UInt8(index), Int64(106 + 10 * index), Int64(109 + 10 * index)))
    }
    let isGood = isAccepted(operations)
    #expect(isGood)
    operations.append(get(3, 1000, 1001))
    let isBad = isRejected(operations)
    #expect(isBad)
  }

  @Test("any order that a register went through is accepted, and with one read changed it is not")
  func random() {
    for seed in 1...60 as ClosedRange<UInt64> {
      var random = SeededRandom(seed: seed)
      var state: UInt8?
      var operations: [Operation] = []
      for index in 0..<40 {
        // Each takes effect at its index; it was asked up to 3 before and told up to 3 after.
        let (from, to) = (
          Int64(index * 100) - random.number(0...300), Int64(index * 100) + random.number(1...300)
        )
        switch random.index(3) {
        case 0:
          operations.append(put(UInt8(index), from, to, existed: state != nil, by: index))
          state = UInt8(index)
        case 1: operations.append(get(state, from, to, by: index))
        default:
          operations.append(delete(from, to, existed: state != nil))
          state = nil
        }
      }
      #expect(isAccepted(operations), "seed \(seed)")
      operations.append(get(200, 5_000, 5_001))
      #expect(isRejected(operations), "seed \(seed)")
    }
  }
}
