import Cluster
import Foundation
import Glibc
import Journal
import Testing

@testable import Node

@Suite("A drone's journals in its directory")
struct JournalTests {
  private final class Folder {
    let path: String

    init() throws {
      var template = Array("/tmp/keyval-journals.XXXXXX".utf8CString)
      try #require(mkdtemp(&template) != nil)
      path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
  }

  private static let drone = try! Principal("keyval-drone/d1@KEYVAL.TEST")
  private static let token = FencingToken(term: Term(1), counter: 2)
  private let catcher = LogCatcher()

  private func directory(
    _ folder: Folder, life: UInt64 = 1, drone: Principal = drone,
    bounds: Journal.Bounds = .init(half: 1 << 20)
  ) -> JournalDirectory {
    JournalDirectory(
      directory: folder.path, principal: drone, life: Incarnation(life), bounds: bounds,
      logger: catcher.logger)
  }

  private func record(_ number: UInt64, length: Int = 100) -> LogRecord {
    LogRecord(
      key: [1], change: .put(value: [UInt8](repeating: 7, count: length)),
      client: ClientIncarnation(high: 1, low: 1), write: number, outcome: .written(existed: nil))
  }

  private func write(_ journal: Journal, _ partition: Int, life: UInt64 = 1, records: Int) {
    let partition = Partition(partition)!
    journal.hold(partition, life: Incarnation(life), token: Self.token, base: 0, wholeAt: 0)
    for number in 0..<UInt64(records) where journal.reserve(200) {
      journal.append(record(number + 1), to: partition, number + 1)
    }
  }

  @Test(
    "What a life has left the next one finds, under whatever number of loops, and nobody but the user may read it"
  )
  func left() throws {
    let folder = try Folder()
    let first = directory(folder)
    for loop in 0..<3 { write(try first.begin(loop, []).0, loop, records: loop + 1) }
    #expect(folder.names == ["journal-0", "journal-1", "journal-2"])
    for name in folder.names {
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/\(name)")
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
    let second = directory(folder, life: 2)
    let stands = try second.stands()
    #expect(stands.map(\.records.count) == [1, 2, 3] && stands.allSatisfy { $0.life == Incarnation(1) })
    // It has one loop, and dies before the others' files are gone: what is in two of them is found once.
    _ = try second.begin(0, stands)
    #expect(try directory(folder, life: 3).stands() == stands)
    try second.removeOthers(than: 1)
    #expect(folder.names == ["journal-0"])
    #expect(try directory(folder, life: 4).stands() == stands)
  }

  @Test("A directory that never had a journal has none, and is opened")
  func none() throws {
    let folder = try Folder()
    #expect(try directory(folder).stands() == [])
    _ = try directory(folder).begin(0, []).0
    #expect(try directory(folder, life: 2).stands() == [])
  }

  @Test("A journal that grows is the one that is found, with nothing else beside it")
  func grown() throws {
    let folder = try Folder()
    let journal = try directory(folder, bounds: .init(half: 0, longest: 8 << 20)).begin(0, []).0
    write(journal, 5, records: 20_000)
    #expect(folder.names == ["journal-0"])
    #expect(try directory(folder, life: 2).stands().map(\.records.count) == [20_000])
  }

  @Test(
    "What is torn is told and not believed; a later version's and another drone's file is not overwritten")
  func unusable() throws {
    let folder = try Folder()
    write(try directory(folder).begin(0, []).0, 0, records: 3)
    write(try directory(folder).begin(1, []).0, 1, records: 3)
    let (path, other) = ("\(folder.path)/journal-0", try Principal("keyval-drone/d2@KEYVAL.TEST"))
    #expect(throws: NodeError.self) { try directory(folder, drone: other).stands() }
    #expect(truncate(path, 5_000) == 0)
    #expect(try directory(folder, life: 2).stands().map(\.partition.number) == [1])
    #expect(catcher.all.contains { $0.contains("a journal is not complete") && $0.contains("5000 bytes") })
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.seek(toOffset: 8)
    try file.write(contentsOf: Data([9]))
    let error = #expect(throws: NodeError.self) { try directory(folder, life: 2).stands() }
    #expect(error?.description.contains("a later version of Keyval") == true)
  }

  @Test("Of a journal that lost its end with its machine it is told between which moments writes may lack")
  func lost() throws {
    let folder = try Folder()
    let file = JournalFile(directory: folder.path, name: "journal-0")
    let owner = JournalOwner(
      principal: Self.drone, life: Incarnation(7), boot: JournalOwner.Boot(high: 1, low: 2))
    let journal = try #require(Journal(in: file, owner: owner, bounds: .init(half: 1 << 20)))
    write(journal, 0, life: 7, records: 0)
    for seconds: UInt32 in [1_700_000_000, 1_700_000_001] { journal.tick(seconds: seconds) }
    write(journal, 1, life: 7, records: 2)
    var losses: [JournalLoss] = []
    #expect(try directory(folder, life: 8).stands { losses.append($0) } == [])
    let loss = try #require(losses.first)
    #expect(losses.count == 1 && loss.life == Incarnation(7) && loss.after == 1_700_000_000)
    // Until this machine's start, which was before now.
    #expect(loss.before <= UInt64(NodeClock.wallSeconds()) && loss.before > loss.after)
    #expect(catcher.all.contains { $0.contains("2023-11-14T22:13:20Z") })
  }

  @Test("A journal that others may read, or that is a link, is refused with what mends it")
  func untrusted() throws {
    let folder = try Folder()
    write(try directory(folder).begin(0, []).0, 0, records: 1)
    let path = "\(folder.path)/journal-0"
    #expect(chmod(path, 0o644) == 0)
    let error = #expect(throws: NodeError.self) { try directory(folder, life: 2).stands() }
    #expect(error?.description.contains("chmod 600 \(path)") == true)
    #expect(chmod(path, 0o600) == 0)
    #expect(rename(path, "\(folder.path)/elsewhere") == 0 && symlink("elsewhere", path) == 0)
    #expect(throws: NodeError.self) { try directory(folder, life: 2).stands() }
  }

  @Test("Where no journal can be made the drone does not start, and says why")
  func noRoom() throws {
    let folder = try Folder()
    // A name that is taken by something that no file takes the place of.
    #expect(mkdir("\(folder.path)/journal-0", 0o700) == 0)
    let error = #expect(throws: NodeError.self) { try directory(folder).begin(0, []).0 }
    #expect(error?.description.contains("journal-0 (directory): cannot be made") == true)
    #expect(folder.names == ["journal-0"], "nothing is left of the attempt")
  }

  @Test("One process uses a directory's journals, until it ends")
  func lock() throws {
    let folder = try Folder()
    var lock: JournalLock? = try JournalLock(directory: folder.path, principal: Self.drone)
    let other = try Principal("keyval-drone/d2@KEYVAL.TEST")
    let error = #expect(throws: NodeError.self) { try JournalLock(directory: folder.path, principal: other) }
    let holder = "keyval-drone/d1@KEYVAL.TEST, process \(getpid()), uses this directory"
    #expect(error?.description.contains(holder) == true)
    withExtendedLifetime(lock) {}
    lock = nil
    _ = try JournalLock(directory: folder.path, principal: Self.drone)
  }
}
