import Cluster
import Foundation
import GRDB
import Testing

@testable import Storage

/// All descriptors that this process has of a file, exchanged for others until they are given back.
private final class ExchangedDescriptors {
  private var kept: [(number: Int32, descriptor: Int32)] = []

  init(of file: String, by path: String, _ flags: Int32) throws {
    // All are found before the first is exchanged: a copy of one of them may get a number that was listed
    // while it was another test's, and would be taken for one of the store's.
    let numbers = try Self.descriptors(of: (file as NSString).resolvingSymlinksInPath)
    guard !numbers.isEmpty else { throw POSIXError(.ENOENT) }
    for number in numbers {
      let (other, own) = (Glibc.open(path, flags | O_CLOEXEC), fcntl(number, F_DUPFD_CLOEXEC, 0))
      guard other >= 0, own >= 0, dup2(other, number) == number else { throw POSIXError(.EBADF) }
      close(other)
      kept.append((number, own))
    }
  }

  private static func descriptors(of file: String) throws -> [Int32] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { name in
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
      return target == file ? Int32(name) : nil
    }
  }

  func giveBack() {
    for (number, own) in kept {
      dup2(own, number)
      close(own)
    }
    kept = []
  }

  deinit { giveBack() }
}

@Suite("What a store's errors ask for")
struct TroubleTests {
  let fixture: StoreFixture
  let store: SQLiteStore
  let opened = opening([partition(1)])

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.store()
    _ = try store.raiseTerm(to: Term(1))
    _ = try store.open(opened)
    _ = try store.append(batch(1, from: 1, [put("a", "1")]))
    // So that nothing that is read is in the write-ahead log.
    _ = try store.pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
  }

  private let next = batch(1, from: 2, [put("b", "2", write: 2)])

  private func failure(_ body: () throws -> Void) -> StoreError? {
    do {
      try body()
      return nil
    } catch {
      return error as? StoreError
    }
  }

  private func expectAsBefore() throws {
    #expect(try store.append(next) == [.stored(through: 2)])
    #expect(try store.texts(opened) == ["a=1", "b=2"])
    try store.close()
    #expect(try fixture.store().texts(opened) == ["a=1", "b=2"], "on the disk, too")
  }

  @Test("a file that another process has locked is tried again, and works when it is free")
  func locked() throws {
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    let other = try DatabaseQueue(path: fixture.path, configuration: configuration)
    try other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
    let error = try #require(failure { _ = try store.append(next) })
    guard case .locked(fixture.path, _) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(error.trouble == .passing)
    #expect(store.backlog.records == 1 && store.mark.commit == 3)
    #expect(try store.texts(opened) == ["a=1"], "reading goes on")
    try other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
    try other.close()
    try expectAsBefore()
  }

  @Test("a disk that has no room stores nothing, waits for somebody to make some, and goes on by itself")
  func full() throws {
    let exchanged = try ExchangedDescriptors(of: fixture.path + "-wal", by: "/dev/full", O_RDWR)
    for _ in 0..<2 {
      let error = try #require(failure { _ = try store.append(next) })
      #expect(error == .full(path: fixture.path) && error.trouble == .waiting)
    }
    #expect(store.backlog.records == 1 && store.mark.commit == 3)
    exchanged.giveBack()
    try expectAsBefore()
  }

  @Test("a disk that does not write is no damage: it is waited for, and nothing is lost")
  func unreliable() throws {
    // What is opened for reading alone takes no byte.
    let wal = fixture.path + "-wal"
    let exchanged = try ExchangedDescriptors(of: wal, by: wal, O_RDONLY)
    for _ in 0..<2 {
      let error = try #require(failure { _ = try store.append(next) })
      guard case .unreliable(fixture.path, _) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(error.trouble == .waiting)
    }
    #expect(try store.texts(opened) == ["a=1"], "reading goes on")
    exchanged.giveBack()
    try expectAsBefore()
  }

  @Test("a store that must not be written waits until it may be")
  func readOnly() throws {
    try store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = ON") }
    let error = try #require(failure { _ = try store.append(next) })
    guard case .inaccessible = error else {
      Issue.record("\(error)")
      return
    }
    #expect(error.trouble == .waiting)
    try store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = OFF") }
    try expectAsBefore()
  }

  @Test("a page that is no page any more is a damage, and ends the use of the file")
  func corruptPage() throws {
    try store.close()
    let root = try DatabaseQueue(path: fixture.path).read {
      try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_schema WHERE name = 'log'")
    }
    let file = try #require(FileHandle(forUpdatingAtPath: fixture.path))
    try file.seek(toOffset: UInt64(try #require(root) - 1) * 4096)
    try file.write(contentsOf: Data(repeating: 0x5a, count: 4096))
    try file.close()
    let error = try #require(failure { try fixture.store().fold() })
    guard case .damaged(fixture.path, _) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(error.trouble == .final)
  }

  /// An error that nobody has thought of. Its sentence must not get anywhere.
  private struct Unknown: Error, CustomStringConvertible { let description = "secret" }

  @Test("what nobody has thought of is no damage: it is tried again, and said without what it holds")
  func unknown() throws {
    let error = StoreError(Unknown(), path: "x")
    #expect(error.trouble == .waiting)
    #expect(!error.description.contains("secret") && error.description.contains("Unknown"))
    try store.pool.write { try $0.execute(sql: "ALTER TABLE log RENAME TO gone") }
    let missing = try #require(failure { _ = try store.append(next) })
    #expect(missing.trouble == .waiting)
    try store.pool.write { try $0.execute(sql: "ALTER TABLE gone RENAME TO log") }
    try expectAsBefore()
  }

  static let known: [(ResultCode, StoreTrouble)] = [
    (.SQLITE_BUSY, .passing), (.SQLITE_BUSY_SNAPSHOT, .passing), (.SQLITE_BUSY_RECOVERY, .passing),
    (.SQLITE_LOCKED, .passing), (.SQLITE_PROTOCOL, .passing), (.SQLITE_IOERR_LOCK, .passing),
    (.SQLITE_NOMEM, .passing), (.SQLITE_IOERR_NOMEM, .passing), (.SQLITE_INTERRUPT, .passing),
    (.SQLITE_FULL, .waiting), (.SQLITE_IOERR, .waiting), (.SQLITE_IOERR_READ, .waiting),
    (.SQLITE_IOERR_WRITE, .waiting), (.SQLITE_IOERR_SHORT_READ, .waiting), (.SQLITE_READONLY, .waiting),
    (.SQLITE_READONLY_CANTINIT, .waiting), (.SQLITE_CANTOPEN, .waiting), (.SQLITE_PERM, .waiting),
    (.SQLITE_AUTH, .waiting), (.SQLITE_ERROR, .waiting), (.SQLITE_INTERNAL, .waiting),
    (.SQLITE_TOOBIG, .waiting), (.SQLITE_MISUSE, .waiting), (ResultCode(rawValue: 250), .waiting),
    // What the kernel holds after these is anybody's guess, and a second flush may succeed without having written it.
    (.SQLITE_IOERR_FSYNC, .final), (.SQLITE_IOERR_DIR_FSYNC, .final), (.SQLITE_READONLY_DBMOVED, .final),
    (.SQLITE_CORRUPT, .final), (.SQLITE_CORRUPT_VTAB, .final), (.SQLITE_NOTADB, .final),
  ]

  @Test("each of SQLite's codes asks for one of them", arguments: known)
  func codes(code: ResultCode, trouble: StoreTrouble) {
    let error = StoreError(
      DatabaseError(resultCode: code, message: "m", sql: "s", arguments: ["secret"]), path: "/p")
    #expect(error.trouble == trouble)
    #expect(!error.description.contains("secret"))
    #expect(!error.told.contains("/p") && !error.told.isEmpty, "drones are told of no file")
  }

  @Test("a newer schema, another cluster's store and a foreign one end it; a damaged row does not")
  func others() {
    #expect(StoreError.newer(path: "", version: 9, supported: 8).trouble == .final)
    #expect(StoreError.otherCluster(path: "", found: "a", expected: "b").trouble == .final)
    #expect(StoreError.foreign(path: "").trouble == .final)
    #expect(StoreError.rowDamaged(path: "", table: "log", partition: nil).trouble == .partial)
  }
}
