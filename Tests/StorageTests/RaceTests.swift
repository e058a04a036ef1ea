import Cluster
import Foundation
import Synchronization
import Testing

@testable import Storage

/// Many drones that take partitions from one another and go on writing to those that they have lost, while the log
/// is folded and read: each on a thread of its own.
@Suite("Fences that rise while others append, fold and read", .timeLimit(.minutes(2)))
struct RaceTests: Sendable {
  private static let drones = 6
  private static let partitions = 3
  /// Appends that are to be stored.
  private static let appends = 3_000
  /// About as many by each owner, before others take the partition from him.
  private static let tenure = 6

  /// Records of a partition that were acknowledged: the counter of the token, by sequence number.
  private typealias Acknowledged = [UInt64: UInt64]

  private final class Shared: Sendable {
    let counter = Atomic<UInt64>(0)
    let isDone = Atomic(false)
    let problems = Mutex<[String]>([])
    /// The highest token under which each partition was opened, once that has returned.
    let raised = Mutex([UInt64](repeating: 0, count: RaceTests.partitions))
    let acknowledged = Mutex([Acknowledged](repeating: [:], count: RaceTests.partitions))
    /// Appends since each partition was opened last.
    let tenure = Mutex([Int](repeating: RaceTests.tenure, count: RaceTests.partitions))
    let stored = Atomic<Int>(0)
    let fenced = Atomic<Int>(0)

    func report(_ problem: String) { problems.withLock { $0.append(problem) } }

    /// Several may think so at once.
    func mayOpen(_ index: Int) -> Bool { tenure.withLock { $0[index] >= RaceTests.tenure } }

    func floor(_ index: Int) -> UInt64 { raised.withLock { $0[index] } }
  }

  private let fixture: StoreFixture
  private let store: SQLiteStore
  private let shared = Shared()

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.store()
    _ = try store.raiseTerm(to: Term(1))
  }

  @Test("no stale record gets in, what was acknowledged is there once, and numbers have no gap")
  func races() async throws {
    let workers: [@Sendable () throws -> Void] = (0..<Self.drones).map { drone in { try work(drone) } }
    let others: [@Sendable () throws -> Void] = [{ try fold() }, { try read() }]
    let (working, all) = (DispatchGroup(), DispatchGroup())
    for (index, body) in (workers + others).enumerated() {
      let groups = index < workers.count ? [working, all] : [all]
      for group in groups { group.enter() }
      Thread { [shared] in
        do { try body() } catch { shared.report("\(error)") }
        for group in groups { group.leave() }
      }.start()
    }
    await Self.end(of: working)
    shared.isDone.store(true, ordering: .releasing)
    await Self.end(of: all)
    #expect(shared.problems.withLock { $0 } == [])
    #expect(shared.fenced.load(ordering: .relaxed) > 200, "fewer than that show nothing")
    try store.foldAll()
    for index in 0..<Self.partitions { try check(index) }
  }

  private static func end(of group: DispatchGroup) async {
    await withCheckedContinuation { continuation in
      group.notify(queue: .global()) { continuation.resume() }
    }
  }

  // MARK: What the threads do

  /// A drone: opens now and then, and appends to whatever it ever opened until it is told that it has lost it.
  private func work(_ drone: Int) throws {
    let holder = try Principal("keyval-drone/d\(drone + 1)@KEYVAL.TEST")
    var owned: [Int: (token: FencingToken, next: UInt64)] = [:]
    while shared.stored.load(ordering: .relaxed) < Self.appends, shared.problems.withLock({ $0.isEmpty }) {
      let index = Int.random(in: 0..<Self.partitions)
      guard let (mine, next) = owned[index] else {
        if shared.mayOpen(index), let (token, sequence) = try open(index, holder) {
          owned[index] = (token, sequence + 1)
        } else {
          usleep(500)  // the cores are for those who have something to do
        }
        continue
      }
      let records = (0..<UInt64.random(in: 1...4)).map { offset in
        put("\(next + offset)", "\(mine.counter)", write: next + offset)
      }
      let floor = shared.floor(index)
      let result = try store.append(batch(index, from: next, records, token: mine), from: holder).first
      switch result {
      case .stored(let through):
        if mine.counter < floor { shared.report("\(mine) was stored after \(floor) had been opened") }
        if through != next + UInt64(records.count) - 1 { shared.report("stored through \(through)") }
        shared.acknowledged.withLock { acknowledged in
          for sequence in next...through { acknowledged[index][sequence] = mine.counter }
        }
        owned[index] = (mine, through + 1)
        shared.tenure.withLock { $0[index] += 1 }
        shared.stored.add(1, ordering: .relaxed)
      case .fenced:
        owned[index] = nil
        shared.fenced.add(1, ordering: .relaxed)
      case .gap, nil: shared.report("\(mine) at \(next) is told: \(String(describing: result))")
      }
    }
  }

  private func open(_ index: Int, _ holder: Principal) throws -> (FencingToken, UInt64)? {
    let mine = token(1, shared.counter.add(1, ordering: .relaxed).newValue)
    let result = try store.open(opening([partition(index)], holder: holder, token: mine))
    guard let standing = result.standings.first else { return nil }
    shared.tenure.withLock { $0[index] = 0 }
    shared.raised.withLock { $0[index] = max($0[index], mine.counter) }
    return (mine, standing.sequence)
  }

  private func fold() throws {
    while !shared.isDone.load(ordering: .acquiring) { try store.fold(records: Int.random(in: 1...40)) }
  }

  /// Reads as whoever is the owner at the moment, who may be another before the reading has begun.
  private func read() throws {
    while !shared.isDone.load(ordering: .acquiring) {
      let index = Int.random(in: 0..<Self.partitions)
      let fence = try store.fence(of: partition(index))
      guard let fence else { continue }
      do {
        let current = opening([partition(index)], holder: fence.holder, token: fence.token)
        let (chunks, tails) = try store.everything(current)
        if let problem = gap(chunks.flatMap { $0 }, tails.first?.sequence ?? 0) { shared.report(problem) }
      } catch StoreError.fenced {
      }
      usleep(2_000)
    }
  }

  // MARK: What must be

  /// Every number has a record of its own, and a later one never one of an older owner.
  private func gap(_ entries: [StoredEntry], _ end: UInt64) -> String? {
    let versions = entries.map(\.version).sorted { $0.sequence < $1.sequence }
    guard versions.map(\.sequence) == Array(1..<(end + 1)) else {
      return "\(versions.count) records through \(end)"
    }
    let isInOrder = zip(versions, versions.dropFirst()).allSatisfy { $0.fence <= $1.fence }
    return isInOrder ? nil : "a record of an older owner stands behind one of a newer"
  }

  private func check(_ index: Int) throws {
    let found = try store.fence(of: partition(index))
    let fence = try #require(found)
    let current = opening([partition(index)], holder: fence.holder, token: fence.token)
    let entries = try store.everything(current).chunks.flatMap { $0 }
    #expect(gap(entries, fence.sequence) == nil)
    let stored = Acknowledged(
      uniqueKeysWithValues: entries.map { ($0.version.sequence, $0.version.fence.counter) })
    #expect(stored == shared.acknowledged.withLock { $0[index] }, "partition \(index)")
    #expect(entries.allSatisfy { $0.key == [UInt8]("\($0.version.sequence)".utf8) })
    #expect(entries.allSatisfy { $0.value == [UInt8]("\($0.version.fence.counter)".utf8) })
  }
}
