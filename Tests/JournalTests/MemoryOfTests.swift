import Cluster

@testable import Journal

/// A journal's memory, and what it may be asked for.
final class MemoryOfTests: JournalMemory {
  private(set) var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  /// No more than so many bytes: the disk has no room.
  var room = Int.max
  /// How often another was asked for.
  private(set) var asked = 0

  deinit { bytes.deallocate() }

  func replace(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
    asked += 1
    guard count <= room else { return false }
    let next = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
    next.initializeMemory(as: UInt8.self, repeating: 0)
    fill(next)
    bytes.deallocate()
    bytes = next
    return true
  }

  /// As they are after the death of the process.
  var left: [UInt8] { [UInt8](bytes) }
}

/// A journal of drone 1, in its first life unless another is said.
struct Place {
  static let drone = try! Principal("keyval-drone/d1@KEYVAL.TEST")
  static let boot = JournalOwner.Boot(high: 7, low: 8)
  static let token = FencingToken(term: Term(3), counter: 9)
  static let small = Journal.Bounds(half: 0, longest: 0)

  let memory = MemoryOfTests()
  let journal: Journal

  init(_ bounds: Journal.Bounds = small, life: UInt64 = 1, stands: [JournalStand] = []) {
    let owner = JournalOwner(principal: Self.drone, life: Incarnation(life), boot: Self.boot)
    journal = Journal(in: memory, owner: owner, bounds: bounds, stands: stands)!
  }

  static func record(_ number: UInt64, length: Int = 10) -> LogRecord {
    LogRecord(
      key: Array("key \(number)".utf8),
      change: .put(value: [UInt8](repeating: UInt8(number % 251), count: length)),
      client: ClientIncarnation(high: 1, low: number), write: number, outcome: .written(existed: false))
  }

  static func partition(_ number: Int) -> Partition { Partition(number)! }

  /// Holds a partition as its owner from `base` on, and appends so many records.
  func write(_ partition: Int, base: UInt64 = 0, records: Int, length: Int = 10) {
    journal.hold(
      Self.partition(partition), life: Incarnation(1), token: Self.token, base: base, wholeAt: base)
    append(partition, behind: base, records, length: length)
  }

  func append(_ partition: Int, behind base: UInt64, _ records: Int, length: Int = 10) {
    for number in base..<base + UInt64(records) {
      let record = Self.record(number + 1, length: length)
      guard journal.reserve(length + 100) else { return }
      journal.append(record, to: Self.partition(partition), number + 1)
    }
  }

  func read() throws -> JournalContents { try Self.read(memory.left) }

  static func read(
    _ bytes: [UInt8], drone: Principal = drone, boot: JournalOwner.Boot = boot
  ) throws(JournalError) -> JournalContents {
    try JournalReader.read(bytes, principal: drone, boot: boot)
  }

  static func stand(_ partition: Int, life: UInt64 = 1, base: UInt64 = 0, records: ClosedRange<UInt64>)
    -> JournalStand
  {
    JournalStand(
      partition: Self.partition(partition), life: Incarnation(life), token: token, base: base,
      records: records.map { record($0) })
  }
}
