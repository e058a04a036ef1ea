import Cluster
import Foundation
import GRDB
import StoreRules
import Testing
import Wire

@testable import Storage

@Suite("Images of entries")
struct ImageTests {
  private func bytes(of entries: [StoredEntry]) -> [[UInt8]] { ImageCoding.images(of: entries) }

  private func read(_ image: [UInt8]) throws -> [StoredEntry] {
    try image.withUnsafeBytes { try ImageCoding.entries(in: $0) }
  }

  private func entry(_ number: Int, length: Int = 20, counter: UInt64 = 1) -> StoredEntry {
    StoredEntry(
      key: Array("key \(number)".utf8),
      value: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: length),
      version: Version(fence: token(1, counter), sequence: UInt64(number)))
  }

  @Test("what is written is read, in order of place, whatever fences it has, and each image by itself")
  func roundTrip() throws {
    let entries = (1...8_000).map { entry($0, length: $0 % 60, counter: UInt64($0 % 3)) }
    let images = bytes(of: entries)
    #expect(images.count > 5)
    #expect(
      images.allSatisfy { $0.count <= ImageWriter.length * 3 / 2 && $0.count >= ImageWriter.length / 3 })
    let found = try images.flatMap { try read($0) }
    #expect(found == entries.sorted { KeyPlace($0.key) < KeyPlace($1.key) })
  }

  @Test("an entry that is longer than an image is alone in it or ends it")
  func large() throws {
    let entries = (1...6).map { entry($0, length: $0 % 2 == 0 ? Limits.maximumValueLength : 10) }
    let found = try bytes(of: entries).flatMap { try read($0) }
    #expect(Set(found) == Set(entries) && found.count == 6)
  }

  @Test("no bytes make the reader trap, and none are believed that are out of order or incomplete")
  func malformed() throws {
    let image = try #require(bytes(of: (1...20).map { entry($0, counter: UInt64($0 % 2)) }).first)
    let whole = try read(image)
    for length in 0..<image.count {
      let found = try? read(Array(image[..<length]))
      #expect(found == nil || whole.starts(with: found ?? []))
    }
    for place in image.indices {
      for bit in 0..<8 {
        var changed = image
        changed[place] ^= 1 << UInt8(bit)
        _ = try? read(changed)
      }
    }
    #expect(throws: ImageDamage.self) { try read(image + image) }
    #expect(throws: ImageDamage.self) { try read([UInt8](repeating: 0xff, count: 100)) }
    // Without the fence that the first has to bring along.
    #expect(throws: ImageDamage.self) { try read([UInt8](repeating: 0, count: ImageReader.headLength)) }
  }

  @Test("the order of keys at rest is that of these hashes, for ever")
  func hashes() {
    func hash(_ key: [UInt8]) -> UInt64 { KeyPlace(key).hash }
    #expect(hash([]) == 16_168_522_430_951_074_402)
    #expect(hash([0]) == 13_002_307_835_604_843_070)
    #expect(hash(Array("key".utf8)) == 1_013_079_088_316_626_297)
    #expect(hash(Array("a key of several words".utf8)) == 13_831_532_809_595_475_804)
  }

  @Test("a place is known again by its bytes, and other bytes are none")
  func places() {
    let place = KeyPlace(Array("key".utf8))
    #expect(KeyPlace(bytes: place.bytes) == place)
    #expect(KeyPlace(bytes: place.bytes.dropLast()) == nil)
    #expect(KeyPlace(bytes: [UInt8]()) == nil)
  }

  @Test("keys of one hash, as somebody may choose them, are apart by their bytes, also in different images")
  func order() {
    #expect(KeyPlace([1]) != KeyPlace([2]))
    #expect((KeyPlace([1]) < KeyPlace([2])) != (KeyPlace([2]) < KeyPlace([1])))
  }

  @Test("forgotten clients are unpacked as they were packed; half a client is none")
  func packing() throws {
    var clients = ForgottenClients()
    for number in 0..<5 as Range<UInt64> {
      clients.add(client: .init(high: .max - number, low: number), write: number, sequence: .max)
    }
    let unpacked = try #require(ForgottenClients(packed: clients.packed))
    #expect(unpacked.packed == clients.packed && unpacked.count == 5)
    #expect(ForgottenClients(packed: clients.packed.dropLast()) == nil)
  }
}

@Suite("A partition of many images")
struct ManyImagesTests {
  private let fixture: StoreFixture
  private let store: SQLiteStore
  private let opened = opening([partition(1)])

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.store()
    _ = try store.raiseTerm(to: Term(1))
    _ = try store.open(opened)
  }

  private func append(_ keys: some Sequence<Int>, from sequence: inout UInt64, _ value: UInt8?) throws {
    let records = keys.map { key in
      LogRecord(
        key: Array("key \(key)".utf8),
        change: value.map { .put(value: [UInt8](repeating: $0, count: 1000)) } ?? .delete, client: client,
        write: 1, outcome: .written(existed: true))
    }
    _ = try store.append(batch(1, from: sequence, records))
    sequence += UInt64(records.count)
  }

  private func images() throws -> (count: Int, bytes: Int) {
    let row = try store.pool.read {
      try Row.fetchOne($0, sql: "SELECT count(*), coalesce(sum(length(entries)), 0) FROM images")
    }
    return try (#require(row)[0], #require(row)[1])
  }

  private func pages() throws -> Int {
    try store.pool.read { try Int.fetchOne($0, sql: "PRAGMA page_count") } ?? 0
  }

  @Test("it is folded in several transactions, between which all is read right; what is deleted makes room")
  func folds() throws {
    var sequence: UInt64 = 1
    try append(0..<2_000, from: &sequence, 1)
    try store.foldAll()
    #expect(try images().count > 20)
    try append(stride(from: 0, to: 2_000, by: 3), from: &sequence, 2)
    try append(stride(from: 0, to: 2_000, by: 5), from: &sequence, nil)
    let expected = try store.everything(opened)
    var folds = 0
    while try !store.fold(room: 200_000).isEmpty {
      folds += 1
      #expect(try store.everything(opened).chunks.flatMap { $0 } == expected.chunks.flatMap { $0 })
    }
    #expect(folds > 5)
    #expect(try store.everything(opened).chunks.flatMap { $0 } == expected.chunks.flatMap { $0 })
    #expect(try store.everything(opened).tails == expected.tails)
    #expect(try images().bytes == store.backlog.table)
    try append((0..<2_000).filter { $0 % 100 != 0 }, from: &sequence, nil)
    try store.foldAll()
    #expect(try images().count <= 2, "short ones go together")
    try append((0..<2_000), from: &sequence, nil)
    try store.foldAll()
    #expect(try images() == (0, 0))
    #expect(store.backlog.table == 0)
  }

  @Test("a pass that is lost with the process is made again")
  func restart() throws {
    let other = try StoreFixture()
    let first = try other.store()
    _ = try first.raiseTerm(to: Term(1))
    _ = try first.open(opened)
    let records = (0..<2_000).map { put("key \($0)", String(repeating: "v", count: 500), write: UInt64($0)) }
    _ = try first.append(batch(1, from: 1, records))
    while first.backlog.table == 0 { try first.fold(room: 100_000) }
    let expected = try first.everything(opened)
    let partly = try first.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM images") } ?? 0
    #expect(partly > 0 && !first.backlog.isEmpty)
    try first.close()
    let second = try other.store()
    #expect(try second.everything(opened).chunks == expected.chunks)
    try second.foldAll()
    #expect(try second.everything(opened).chunks == expected.chunks)
    #expect(try second.everything(opened).tails == expected.tails)
  }

  @Test("the file does not grow with what is overwritten")
  func reuse() throws {
    var sequence: UInt64 = 1
    var pages: [Int] = []
    for round in 1...8 as ClosedRange<UInt8> {
      try append(0..<1_000, from: &sequence, round)
      try store.foldAll()
      pages.append(try self.pages())
    }
    #expect(pages[7] <= pages[2] + pages[2] / 10, "\(pages)")
  }
}
