import Cluster
import Dispatch
import Synchronization
import Testing
import Wire

@testable import Drone

/// A session of its own on one of a drone's loops, run by a thread of its own: it adds to a number.
private struct Adder {
  private let key = [UInt8]("sum".utf8)
  private let now: Instant
  private var core: ClientSessionCore
  private var number: UInt64 = 0

  init(on loop: Int, of loops: DroneLoops, now: Instant) {
    core = ClientSessionCore(principal: "alice@KEYVAL.TEST", on: loop, of: loops)
    core.connection = UInt64(loop)
    self.now = now
    core.beginCycle()
    _ = ask(.introduce(number: 0, client: ClientIncarnation(high: 7, low: UInt64(loop))))
  }

  private struct NoLimit: RequestLimiter {
    func consume(_ limit: RequestLimit, of principal: String, _ now: Instant) -> Int64? { nil }
  }

  private mutating func ask(_ request: DataRequest) -> Answer? {
    var answers = CBORWriter()
    _ = core.handle(
      LocatedRequest(request), hasRoom: true, limiter: NoLimit(), now: now, answers: &answers)
    return answers.count == 0 ? nil : Answer(answers.bytes)
  }

  mutating func get() -> [UInt8]? {
    number += 1
    guard case .value(let value)? = key.withUnsafeBytes({ ask(.get(number: number, key: $0)) }) else {
      return nil
    }
    return value
  }

  /// - Returns: whether nobody else came before.
  mutating func add() -> Bool {
    let old = get()
    let sum = old.map { $0.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } } ?? 0
    number += 1
    let number = number
    return withUnsafeBytes(of: sum + 1) { value in
      key.withUnsafeBytes { key in
        func compare(_ expected: UnsafeRawBufferPointer?) -> Bool {
          ask(
            .compareAndPut(
              number: number, write: number, retry: false, level: .memory, key: key, expected: expected,
              value: value)) == .done(.compared(matched: true))
        }
        return old.map { $0.withUnsafeBytes { compare($0) } } ?? compare(nil)
      }
    }
  }
}

@Suite("All loops of a drone") struct DroneLoopsTests {
  private final class Count: Sendable {
    private let value = Atomic(0)
    var now: Int { value.load(ordering: .sequentiallyConsistent) }
    func add(_ more: Int) { value.add(more, ordering: .sequentiallyConsistent) }
  }

  private struct Moved<Value>: @unchecked Sendable { let value: Value }

  @Test(
    "threads of several loops write to one partition while its own loop hands it to the database: nothing is lost"
  )
  func threads() throws {
    let (shared, placement, now) = (SharedPartitions(), LoopPlacement(count: 3), Instant(milliseconds: 1_000))
    let loops = (0..<3).map { index in
      GuardedLoop(
        DataLoopCore(
          index: index, placement: placement, principal: Names.drone(1), timing: Timing(),
          data: DataCore(incarnation: Incarnation(11), shared: shared)))
    }
    let partition = [UInt8]("sum".utf8).withUnsafeBytes { Slot(key: $0).partition }
    let list = try AccessList(parsing: Array("alice@KEYVAL.TEST *\n".utf8))
    for loop in loops { loop.change { _ = $0.handle(.accessListInstalled(list), now: now) } }
    let owner = loops[placement.loop(of: partition)]
    owner.change { loop in
      _ = loop.data.beginOpening([partition], token: Names.token(1, 1), mode: .load)
      _ = loop.data.finishLoading(partition, token: Names.token(1, 1), sequence: 1, past: PastWrites())
      loop.data.serve([partition], until: now + 1_000_000)
    }
    let group = DispatchGroup()
    let (added, ended) = (Count(), Count())
    let all = DroneLoops(loops)
    for index in 0..<3 {
      let session = Moved(value: Adder(on: index, of: all, now: now))
      DispatchQueue.global().async(group: group) {
        var session = session.value
        for _ in 0..<5_000 where session.add() { added.add(1) }
        ended.add(1)
      }
    }
    while ended.now < 3 {
      owner.change { loop in
        let batches = loop.data.takeAppend()
        _ = loop.data.appended(
          batches.map { .init(partition: $0.partition, result: .stored(through: $0.lastSequence)) })
      }
    }
    group.wait()
    var reader = Adder(on: 0, of: all, now: now)
    let sum = reader.get().map { $0.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } }
    #expect(sum == UInt64(added.now) && added.now > 5_000)
  }
}
