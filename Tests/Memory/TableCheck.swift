import Cluster
import Drone

/// A table beside a dictionary: entries of all lengths, overwritten, removed, copied and read from a cursor.
enum TableCheck {
  static func run(_ steps: Int, _ random: inout SplitMix) {
    var table = Table()
    var model: [[UInt8]: [UInt8]] = [:]
    var copies: [(Table, [[UInt8]: [UInt8]])] = []
    for step in 1...steps {
      let key = [UInt8]("key \(random.next(in: 0...800))".utf8)
      // It fills and empties in turns.
      let removes = (step / 2_000).isMultiple(of: 2) ? 2 : 7
      if random.next(in: 0...9) < removes {
        key.withUnsafeBytes { table.remove(HashedKey($0)) }
        model[key] = nil
      } else {
        let longest = random.next(in: 0...50) == 0 ? 90_000 : 400
        let value = [UInt8](
          repeating: UInt8(truncatingIfNeeded: step), count: Int(random.next(in: 0...Int64(longest))))
        table.set(
          StoredEntry(key: key, value: value, version: Version(fence: .none, sequence: UInt64(step))))
        model[key] = value
      }
      require(
        self.value(of: key, table) == model[key] && table.count == model.count, "the table has another value")
      if step % (steps / 4) == 0 { copies.append((table, model)) }
    }
    for (table, model) in copies {
      require(contents(table) == model, "a copy changed with what it was made of")
    }
  }

  private static func value(of key: [UInt8], _ table: Table) -> [UInt8]? {
    key.withUnsafeBytes { table.withValue(of: HashedKey($0)) { $0.map { [UInt8]($0) } } }
  }

  private static func contents(_ table: Table) -> [[UInt8]: [UInt8]] {
    var found: [[UInt8]: [UInt8]] = [:]
    var place: EntryHeap.Place? = .start
    while let from = place {
      let (entries, next) = table.entries(from: from, bytes: 2_000)
      for entry in entries { found[entry.key] = entry.value }
      place = next
    }
    return found
  }
}
