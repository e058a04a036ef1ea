import Cluster
import Foundation
import FuzzHarness
import Storage
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
        }, read: { try row($0) })
    ]

  private static func row(_ input: Input) throws -> Bool {
    if let isTaken = try? MessageDecoders.sequence(of: WriteOutcome.self, input), isTaken { return true }
    guard let base = input.bytes.baseAddress else { return false }
    let blob = Data(
      bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: input.bytes.count, deallocator: .none)
    var batches: [PartitionBatch] = []
    try input.decode { try LogRow.forEachBatch(in: blob, of: .all) { batches.append($0) } }
    require(
      batches.flatMap { $0.encoded() } == input.array,
      "a row with another encoding than the one that was read")
    for partition in Set(batches.map(\.partition)) {
      var own: [PartitionBatch] = []
      try LogRow.forEachBatch(in: blob, of: [partition]) { own.append($0) }
      require(
        own == batches.filter { $0.partition == partition },
        "other batches of a partition when it is read alone")
    }
    return !batches.isEmpty
  }
}
