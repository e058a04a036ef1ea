import Cluster
import Foundation
import GRDB
import Synchronization
import Testing

@testable import Node
@testable import Storage

/// The right to write a store, taken from the database as another process would.
private final class WriteLock {
  private let descriptor: Int32
  /// SQLite's lock of who writes: this byte of the file beside the write-ahead log.
  private static let place: off_t = 120
  /// A lock that belongs to the descriptor (`F_OFD_SETLK`): another of the same process is refused, too.
  private static let command: Int32 = 37

  init(_ path: String) throws {
    descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
    try set(F_WRLCK)
  }

  func release() throws { try set(F_UNLCK) }

  private func set(_ type: Int32) throws {
    var lock = flock()
    lock.l_type = Int16(type)
    lock.l_whence = Int16(SEEK_SET)
    lock.l_start = Self.place
    lock.l_len = 1
    guard fcntl(descriptor, Self.command, &lock) == 0 else {
      throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
    }
  }
}

@Suite("A database whose store fails", .timeLimit(.minutes(2)))
struct StoreTroubleTests {
  @Test("a drone whose append finds the file locked is told so on its session, and is served when it is free")
  func locked() async throws {
    let fixture = try await DatabaseFixture.start()
    let one: PartitionSet = [partition(1)]
    try await fixture.withDatabase { address in
      _ = try await fixture.elect(1, at: address)
      let drone = try await fixture.drone("d1", at: address)
      let grant = try fixture.grant(one, to: "keyval-drone/d1", token: token(1, 1))
      #expect(try await drone.open(one, grant).refused.isEmpty)
      _ = try await drone.append(batch(1, from: 1, token: token(1, 1), ([1], [1])))
      let lock = try WriteLock(fixture.kerberos.path("db1/keyval.sqlite-shm"))
      let second = batch(1, from: 2, token: token(1, 1), ([2], [2]))
      guard case .appendFailed(2, let reason) = try await drone.append(second, number: 2) else {
        Issue.record("it was stored although the file was locked")
        return
      }
      #expect(reason.contains("goes on by itself") && !reason.contains("/"))
      try lock.release()
      // As a drone does it, but without a pause.
      var number: UInt64 = 3
      var answer = try await drone.append(second, number: number)
      while case .appendFailed = answer {
        number += 1
        answer = try await drone.append(second, number: number)
      }
      let stored = StoreAnswer.PartitionResult(partition: partition(1), result: .stored(through: 2))
      #expect(answer == .appended(number: number, results: [stored]))
    }
    try await fixture.withDatabase { address in
      let drone = try await fixture.drone("d2", at: address)
      let grant = try fixture.grant(one, to: "keyval-drone/d2", token: token(1, 2))
      let opened = try await drone.open(one, grant)
      #expect(opened.sequences == [2] && Set(opened.entries.map(\.key)) == [[1], [2]])
    }
    await fixture.stop()
  }

  /// Overwrites the first page of a table, in a store that nobody has open and whose log is empty.
  private func overwrite(_ table: String, in directory: String) throws {
    let store = try SQLiteStore(directory: directory, cluster: DatabaseFixture.cluster)
    while try !store.fold().isEmpty {}
    let page = try store.pool.read {
      try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_schema WHERE name = ?", arguments: [table])
    }
    try store.close()
    let file = try #require(FileHandle(forUpdatingAtPath: directory + "/keyval.sqlite"))
    try file.seek(toOffset: UInt64(try #require(page) - 1) * 4096)
    try file.write(contentsOf: Data(repeating: 0x5a, count: 4096))
    try file.close()
  }

  @Test("a page that is no page any more ends the process also where only who reads has met it")
  func corruptPage() async throws {
    let fixture = try await DatabaseFixture.start()
    let one: PartitionSet = [partition(1)]
    try await fixture.withDatabase { address in
      _ = try await fixture.elect(1, at: address)
      let drone = try await fixture.drone("d1", at: address)
      let grant = try fixture.grant(one, to: "keyval-drone/d1", token: token(1, 1))
      #expect(try await drone.open(one, grant).refused.isEmpty)
      _ = try await drone.append(batch(1, from: 1, token: token(1, 1), ([1], [1])))
    }
    // What is read neither at the start nor by who writes.
    try overwrite("outcome_runs", in: fixture.kerberos.path("db1"))
    let hasStarted = Mutex(false)
    let ended = await #expect(throws: NodeError.self) {
      try await fixture.withDatabase { address in
        hasStarted.withLock { $0 = true }
        let drone = try await fixture.drone("d2", at: address)
        let grant = try fixture.grant(one, to: "keyval-drone/d2", token: token(1, 2))
        // The scrub may have met it before.
        if let opened = try? await drone.open(one, grant) {
          #expect(opened.refused.count == 1 && opened.refused.allSatisfy { $0.contains("it ends") })
        }
        // Nobody writes. What comes is that the process has ended.
        _ = try await fixture.authority.take { _ in false }
      }
    }
    #expect(hasStarted.withLock { $0 })
    guard case .unusableFile(_, _, let problem, let remedy) = ended else {
      Issue.record("\(ended.map { "\($0)" } ?? "no error")")
      return
    }
    #expect(problem.contains("is damaged") && remedy.contains("estore it from a backup"))
    await fixture.stop()
  }
}
