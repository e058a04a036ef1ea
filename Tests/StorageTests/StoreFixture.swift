import Cluster
import Foundation
import StoreRules

@testable import Storage

/// A directory of its own for each test, gone with it.
final class StoreFixture: Sendable {
  let directory: String
  let root: String

  init() throws {
    var template = Array((NSTemporaryDirectory() + "/keyval-store-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
    root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    directory = root + "/data"
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  var path: String { directory + "/keyval.sqlite" }

  func store(cluster: String = "test", maximumPages: Int? = nil) throws -> SQLiteStore {
    try SQLiteStore(directory: directory, cluster: cluster, maximumPages: maximumPages)
  }

  func mode(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
  }
}

let firstDrone = try! Principal("keyval-drone/d1@KEYVAL.TEST")
let secondDrone = try! Principal("keyval-drone/d2@KEYVAL.TEST")
let client = ClientIncarnation(high: 1, low: 2)

func partition(_ number: Int) -> Partition { Partition(number)! }

func token(_ term: UInt64, _ counter: UInt64) -> FencingToken {
  FencingToken(term: Term(term), counter: counter)
}

func opening(
  _ partitions: PartitionSet, holder: Principal = firstDrone, incarnation: UInt64 = 7,
  token: FencingToken = token(1, 1)
) -> PartitionOpening {
  PartitionOpening(
    holder: holder, incarnation: Incarnation(incarnation), token: token, partitions: partitions)
}

func put(_ key: String, _ value: String, write: UInt64 = 1, existed: Bool = false) -> LogRecord {
  put([UInt8](key.utf8), [UInt8](value.utf8), write: write, existed: existed)
}

func put(_ key: [UInt8], _ value: [UInt8], write: UInt64 = 1, existed: Bool = false) -> LogRecord {
  LogRecord(
    key: key, change: .put(value: value), client: client, write: write, outcome: .written(existed: existed))
}

func delete(_ key: String, write: UInt64 = 1) -> LogRecord {
  LogRecord(
    key: [UInt8](key.utf8), change: .delete, client: client, write: write, outcome: .written(existed: true))
}

func batch(
  _ number: Int, from sequence: UInt64, _ records: [LogRecord], incarnation: UInt64 = 7,
  token: FencingToken = token(1, 1)
) -> PartitionBatch {
  PartitionBatch(
    partition: partition(number), token: token, incarnation: Incarnation(incarnation),
    firstSequence: sequence, records: records)
}

extension SQLiteStore {
  /// Appends the batches of one drone and gives their results alone.
  func append(_ batches: PartitionBatch..., from holder: Principal = firstDrone) throws
    -> [StoreAnswer.AppendResult]
  {
    try append([AppendGroup(holder: holder, batches: batches)]).flatMap { $0 }.map(\.result)
  }

  /// Everything that `contents` hands out.
  func everything(_ opening: PartitionOpening) throws -> (chunks: [[StoredEntry]], tails: [PartitionTail]) {
    var chunks: [[StoredEntry]] = []
    var tails: [PartitionTail] = []
    try contents(of: opening) { part in
      switch part {
      case .entries(_, let entries): chunks.append(Array(entries))
      case .end(let tail): tails.append(tail)
      }
      return true
    }
    return (chunks, tails)
  }

  /// The entries of what is opened, in order of key within each partition, whatever the order that they came in.
  func entries(_ opening: PartitionOpening) throws -> [StoredEntry] {
    var all: [StoredEntry] = []
    for partition in opening.partitions {
      all += try everything(opening.restricted(to: [partition])).chunks.flatMap { $0 }
        .sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }
    return all
  }

  /// Keys and values of what is opened, as text, in order of key.
  func texts(_ opening: PartitionOpening) throws -> [String] {
    try entries(opening).map {
      String(decoding: $0.key, as: UTF8.self) + "=" + String(decoding: $0.value, as: UTF8.self)
    }
  }

  /// As it is stored.
  func fence(of partition: Partition) throws(StoreError) -> PartitionFence? {
    try reading { _, rows in
      var fences = FenceTable()
      return try fences.fence(of: partition, rows)
    }
  }

  func foldAll() throws {
    while try !fold().isEmpty {}
  }
}
