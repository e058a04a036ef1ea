import Cluster
import StoreRules
import Testing

@testable import Storage

/// A small generator, so that a failing run can be repeated by its seed.
private struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}

@Suite("A store against a dictionary")
struct ModelTests {
  @Test(
    "whatever is appended, folded, opened and restarted, the contents are a dictionary's", arguments: 1...6)
  func random(seed: UInt64) throws {
    let fixture = try StoreFixture()
    var random = Seeded(state: seed)
    var store = Optional(try fixture.store())
    _ = try store?.raiseTerm(to: Term(1))
    var counter: UInt64 = 1
    var sequences: [UInt64] = [0, 0, 0]
    var model: [[[UInt8]: StoredEntry]] = [[:], [:], [:]]
    let all = PartitionSet((0..<3).map { partition($0) })
    _ = try store?.open(opening(all, token: token(1, counter)))
    for step in 1...150 {
      switch Int.random(in: 0..<12, using: &random) {
      case 0:
        // Some passes end at once, others some folds later.
        try store?.fold(
          records: Int.random(in: 1...20, using: &random), room: Bool.random(using: &random) ? 1 << 20 : 50)
      case 1:
        counter += 1
        _ = try store?.open(opening(all, token: token(1, counter)))
      case 2 where step % 5 == 0:
        store = nil
        store = try fixture.store()
      default:
        let index = Int.random(in: 0..<3, using: &random)
        let records = (0..<Int.random(in: 1...8, using: &random)).map { _ in
          let key = [UInt8](
            repeating: UInt8.random(in: 0...9, using: &random), count: Int.random(in: 0...2, using: &random))
          return switch Int.random(in: 0..<6, using: &random) {
          case 0, 1:
            LogRecord(key: key, change: .delete, client: client, write: 1, outcome: .written(existed: true))
          case 2:
            LogRecord(key: key, change: .nothing, client: client, write: 1, outcome: .written(existed: false))
          default: put(key, [UInt8.random(in: 0...255, using: &random)])
          }
        }
        let batch = batch(index, from: sequences[index] + 1, records, token: token(1, counter))
        let end = sequences[index] + UInt64(records.count)
        let results = try store?.append([AppendGroup(holder: firstDrone, batches: [batch])])
        #expect(results?.first?.map(\.result) == [.stored(through: end)])
        sequences[index] = end
        batch.forEachChange { record, version in
          switch record.change {
          case .put(let value):
            model[index][record.key] = StoredEntry(key: record.key, value: value, version: version)
          case .delete: model[index][record.key] = nil
          case .nothing: break
          }
        }
      }
      guard step % 10 == 0, let store else { continue }
      for index in 0..<3 {
        let contents = try store.everything(opening([partition(index)], token: token(1, counter)))
        let expected = model[index].values.sorted { KeyPlace($0.key) < KeyPlace($1.key) }
        #expect(contents.chunks.flatMap { $0 } == expected, "step \(step)")
        #expect(contents.tails.map(\.sequence) == [sequences[index]])
        #expect(contents.tails.first?.past.outcomes.count == Int(min(sequences[index], 1024)))
      }
    }
  }
}
