import Cluster
import Dispatch
import Testing
import Wire

@testable import Drone

/// A loop that runs a partition, and reads that come to another of its drone's.
private struct TwoLoops {
  static let partition = Names.partition(1)
  static let token = Names.token(1, 1)
  static let client = ClientIncarnation(high: 1, low: 2)
  let shared = SharedPartitions()
  /// Until when what was read last may leave.
  private(set) var leaseEnd: Instant?
  var there: DataCore
  var now = Instant(milliseconds: 10_000)
  private var write: UInt64 = 0

  init(loaded: Bool = true) {
    there = DataCore(incarnation: Incarnation(11), shared: shared)
    guard loaded else { return }
    _ = there.beginOpening([Self.partition], token: Self.token, mode: .load)
    _ = there.finishLoading(Self.partition, token: Self.token, sequence: 1, past: PastWrites())
    there.serve([Self.partition], until: now + 2_000)
  }

  /// Nil: the other loop is to be asked.
  mutating func read(_ key: String, _ kind: ReadKind = .get, edition: UInt64 = 0) -> Answer? {
    var answers = CBORWriter()
    leaseEnd = [UInt8](key.utf8).withUnsafeBytes {
      shared.answer(
        ReadRequest(kind, number: 1, key: $0), HashedKey($0), in: Self.partition, edition: edition, now: now,
        answers: &answers)
    }
    #expect((leaseEnd != nil) == (answers.count > 0))
    return leaseEnd == nil ? nil : Answer(answers.bytes)
  }

  mutating func put(_ key: String, _ value: [UInt8]) {
    write += 1
    let (number, now) = (write, now)
    var answers = CBORWriter()
    [UInt8](key.utf8).withUnsafeBytes { key in
      value.withUnsafeBytes { value in
        there.execute(
          LocatedRequest(
            .put(number: number, write: number, retry: false, level: .memory, key: key, value: value),
            in: Self.partition),
          client: Self.client,
          replyTo: ReplyAddress(loop: 1, connection: 1, number: number),
          now: now, answers: &answers)
      }
    }
  }

  mutating func install(_ edition: UInt64) throws {
    there.install(try AccessList(parsing: Array("a@R *\n".utf8)), edition: edition)
  }
}

@Suite("Partitions that all loops of a drone may read") struct SharedPartitionsTests {
  @Test("a read is executed by the loop that it comes to, and leaves under the partition's lease")
  func read() {
    var loops = TwoLoops()
    #expect(loops.read("a") == .notFound)
    loops.put("a", [1, 2])
    #expect(loops.read("a") == .value([1, 2]))
    #expect(loops.leaseEnd == loops.now + 2_000)
  }

  @Test("not when the lease is over, nor when one has come since under a newer list than the request's")
  func leases() throws {
    var loops = TwoLoops()
    try loops.install(7)
    #expect(loops.read("a", edition: 7) == .notFound)
    #expect(loops.read("a", edition: 6) == nil)
    #expect(loops.read("a", edition: 8) == .notFound)
    loops.now = loops.now + 2_000
    #expect(loops.read("a", edition: 7) == nil)
    loops.there.serve([TwoLoops.partition], until: loops.now + 1)
    #expect(loops.read("a", edition: 7) == .notFound)
  }

  @Test("not what is not served: not loaded, given up, or still recovering")
  func unserved() {
    var loops = TwoLoops(loaded: false)
    #expect(loops.read("a") == nil)
    loops = TwoLoops()
    #expect(loops.read("a") == .notFound)
    _ = loops.there.close([TwoLoops.partition])
    #expect(loops.read("a") == nil)
    // Others are on the list that it is opened with: it has to write that they are not, first.
    _ = loops.there.beginOpening([TwoLoops.partition], token: Names.token(1, 2), mode: .load)
    let holder = Holder(principal: Names.drone(2), incarnation: Incarnation(22))
    let opened = loops.there.finishLoading(
      TwoLoops.partition, token: Names.token(1, 2), sequence: 1,
      inSync: InSyncList(number: 1, holders: [holder]), past: PastWrites())
    #expect(opened == .recovering)
    loops.there.serve([TwoLoops.partition], until: loops.now + 2_000)
    #expect(loops.read("a") == nil)
    let batches = loops.there.takeAppend()
    _ = loops.there.appended(
      batches.map { .init(partition: $0.partition, result: .stored(through: 1)) })
    #expect(loops.read("a") == .notFound)
  }

  @Test("not what has to wait or to be refused: its own loop says so")
  func others() {
    var loops = TwoLoops()
    loops.put("a", [1])
    #expect(loops.read("a", .getVersion) == nil)
    #expect(loops.read("") == nil)
    #expect(loops.read(String(repeating: "k", count: Limits.maximumKeyLength + 1)) == nil)
  }

  /// Moves between threads what is one thread's at a time.
  private struct Moved<Value>: @unchecked Sendable { let value: Value }

  @Test(
    "while its own loop writes, another reads values that are whole, and never an older one after a newer")
  func threads() {
    var loops = TwoLoops()
    // Of lengths that have the table move entries, clean up and grow.
    @Sendable func value(_ round: Int) -> [UInt8] {
      let length = 8 + round % 97
      return withUnsafeBytes(of: UInt64(round)) { Array($0) }
        + [UInt8](repeating: UInt8(round & 0xff), count: length)
    }
    for key in 0..<8 { loops.put("k\(key)", value(0)) }
    let rounds = 20_000
    let (now, shared) = (loops.now, loops.shared)
    let writing = Moved(value: loops)
    let group = DispatchGroup()
    DispatchQueue.global().async(group: group) {
      var loops = writing.value
      for round in 1...rounds {
        loops.put("k\(round % 8)", value(round))
        loops.put("other\(round)", value(round))
        if round % 1_000 == 0 {
          let batches = loops.there.takeAppend()
          _ = loops.there.appended(
            batches.map {
              .init(
                partition: $0.partition,
                result: .stored(through: $0.firstSequence + UInt64($0.records.count) - 1))
            })
        }
      }
    }
    var last = [UInt64](repeating: 0, count: 8)
    var failures: [String] = []
    while last.min()! < UInt64(rounds - 8), failures.isEmpty {
      for key in 0..<8 {
        var answers = CBORWriter()
        let end = [UInt8]("k\(key)".utf8).withUnsafeBytes {
          shared.answer(
            ReadRequest(.get, number: 1, key: $0), HashedKey($0), in: TwoLoops.partition, edition: 0,
            now: now,
            answers: &answers)
        }
        guard end != nil, case .value(let bytes)? = Answer(answers.bytes), bytes.count > 8 else {
          failures.append("k\(key) was not read")
          continue
        }
        let round = bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        if bytes != value(Int(truncatingIfNeeded: round)) { failures.append("k\(key) was read in part") }
        if round < last[key] { failures.append("k\(key) was older than before") }
        last[key] = round
      }
    }
    group.wait()
    #expect(failures == [])
  }
}
