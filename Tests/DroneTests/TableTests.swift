import Cluster
import Testing

@testable import Drone

@Suite("The table") struct TableTests {
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) ^ state
    }
  }

  private func value(_ table: Table, _ key: [UInt8]) -> [UInt8]? {
    key.withUnsafeBytes { table.withValue(of: $0) { $0.map { [UInt8]($0) } } }
  }

  @Test("it is a dictionary, whatever is put, replaced and removed", arguments: 1...8)
  func random(seed: UInt64) {
    var generator = Generator(state: seed)
    var table = Table()
    var model: [[UInt8]: [UInt8]] = [:]
    // Few keys make clusters and holes, many make it grow.
    let keys = [20, 200, 3000][Int(seed % 3)]
    for step in 0..<20_000 {
      let key = [UInt8]("key \(Int.random(in: 0..<keys, using: &generator))".utf8)
      // It fills, empties and fills again.
      let removes = (step / 4000).isMultiple(of: 2) ? 3 : 8
      if Int.random(in: 0..<10, using: &generator) < removes {
        table.remove(key)
        model[key] = nil
      } else {
        let value = [UInt8]("value \(step)".utf8)
        table.set(key, value, Version(fence: .none, sequence: UInt64(step)))
        model[key] = value
      }
      if table.count != model.count || value(table, key) != model[key] {
        Issue.record("seed \(seed), step \(step): \(table.count) keys instead of \(model.count)")
        return
      }
    }
    for number in 0..<keys {
      let key = [UInt8]("key \(number)".utf8)
      #expect(value(table, key) == model[key])
      #expect(key.withUnsafeBytes(table.contains) == (model[key] != nil))
    }
  }

  @Test("keys that are alike, empty values and removals of nothing")
  func corners() {
    var table = Table()
    table.remove([1])
    table.set([1], [], .init(fence: .none, sequence: 1))
    table.set([1, 0], [1], .init(fence: .none, sequence: 2))
    table.set([], [2], .init(fence: .none, sequence: 3))
    #expect(value(table, [1]) == [] && value(table, [1, 0]) == [1] && value(table, []) == [2])
    table.remove([1])
    table.remove([1])
    #expect(value(table, [1]) == nil && value(table, [1, 0]) == [1] && table.count == 2)
  }
}
