import Cluster
import Journal

/// Journals as a drone writes them, for the fuzzer to begin with.
enum JournalPlace {
  static let drone = try! Principal("keyval-drone/d1@R")
  static let boot = JournalOwner.Boot(high: 1, low: 2)

  private final class Memory: JournalMemory {
    private(set) var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit { bytes.deallocate() }

    func replace(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
      let next = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
      next.initializeMemory(as: UInt8.self, repeating: 0)
      fill(next)
      bytes.deallocate()
      bytes = next
      return true
    }
  }

  /// - Parameter turns: about how often it has begun the other half.
  static func written(turns: Int) -> [UInt8] {
    let memory = Memory()
    let owner = JournalOwner(principal: drone, life: Incarnation(1), boot: boot)
    guard let journal = Journal(in: memory, owner: owner, bounds: .init(half: 0, longest: 0)) else {
      return []
    }
    let token = FencingToken(term: Term(1), counter: 1)
    for partition in Partition.all.prefix(3) {
      journal.hold(partition, life: Incarnation(1), token: token, base: 0, wholeAt: 0)
    }
    let client = ClientIncarnation(high: 1, low: 1)
    for number in 1...UInt64(4 + turns * 300) {
      let record = LogRecord(
        key: [1], change: .put(value: [2, 3]), client: client, write: number, outcome: .written(existed: nil))
      journal.append(record, to: Partition.all[0], number)
      journal.stored(Partition.all[0], through: number - 1)
    }
    return [UInt8](memory.bytes)
  }
}
