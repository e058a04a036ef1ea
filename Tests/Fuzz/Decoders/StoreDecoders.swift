import Cluster
import FuzzHarness
import StoreRules
import Wire

/// What a database reads from its file.
enum StoreDecoders {
  static let all: [Decoder] =
    StoreFile.decoders + [
      Decoder(
        name: "log-row", about: "a group commit in the database's log, and the outcomes beside it",
        seeds: {
          let batches = MessageSamples.replicationMessages.compactMap { message -> PartitionBatch? in
            guard case .records(let batch, _) = message else { return nil }
            return batch
          }
          let row = batches.flatMap { $0.encoded() }
          let outcomes = batches.flatMap(\.records).enumerated().map {
            WriteOutcome($1, sequence: UInt64($0) + 1)
          }
          return [row, row + row, outcomes.flatMap { $0.encoded() }]
        }, read: { try row($0) }),
      Decoder(
        name: "image", about: "entries of a partition at rest", seeds: { images }, read: { try image($0) }),
    ]

  private static let images: [[UInt8]] = {
    let entries = (0..<6).map { number in
      StoredEntry(
        key: Array("key \(number)".utf8), value: [UInt8](repeating: 7, count: number),
        version: Version(
          fence: FencingToken(term: Term(1), counter: UInt64(number % 2)), sequence: UInt64(number) + 1))
    }
    return [[]] + ImageCoding.images(of: entries) + ImageCoding.images(of: [entries[0]])
  }()

  private static func image(_ input: Input) throws -> Bool {
    var entries: [StoredEntry] = []
    try input.decode { entries = try ImageCoding.entries(in: input.bytes) }
    let again = try? ImageCoding.images(of: entries).flatMap { $0 }.withUnsafeBytes {
      try ImageCoding.entries(in: $0)
    }
    require(again == entries, "an image with other entries than the one that was read")
    return true
  }

  private static func row(_ input: Input) throws -> Bool {
    if let isTaken = try? MessageDecoders.sequence(of: WriteOutcome.self, input), isTaken { return true }
    var batches: [PartitionBatch] = []
    try input.decode { try LogRow.forEachBatch(in: input.bytes, of: .all) { batches.append($0) } }
    require(
      batches.flatMap { $0.encoded() } == input.array,
      "a row with another encoding than the one that was read")
    for partition in Set(batches.map(\.partition)) {
      var own: [PartitionBatch] = []
      try LogRow.forEachBatch(in: input.bytes, of: [partition]) { own.append($0) }
      require(
        own == batches.filter { $0.partition == partition },
        "other batches of a partition when it is read alone")
    }
    return !batches.isEmpty
  }
}
