import Cluster

/// Of each client the highest number of its dropped writes, and when the last of them was.
package struct ForgottenClients {
  package struct Entry {
    package let client: ClientIncarnation
    package var write: UInt64
    package var sequence: UInt64
  }

  private var entries: [ClientIncarnation: Entry] = [:]

  package init() {}

  package mutating func add(_ outcome: WriteOutcome) {
    let client = outcome.client
    let isDoubtful = entries[client] == nil && (has(.others(of: client.principalMark)) || has(.everybody))
    add(client: client, write: isDoubtful ? .max : outcome.write, sequence: outcome.sequence)
  }

  private func has(_ client: ClientIncarnation) -> Bool { entries[client] != nil }

  package mutating func add(client: ClientIncarnation, write: UInt64, sequence: UInt64) {
    var entry = entries[client] ?? Entry(client: client, write: 0, sequence: 0)
    entry.write = max(entry.write, write)
    entry.sequence = max(entry.sequence, sequence)
    entries[client] = entry
  }

  package var count: Int { entries.count }

  package var inOrder: [Entry] {
    entries.values.sorted { ($0.client.high, $0.client.low) < ($1.client.high, $1.client.low) }
  }

  package var gaps: [HistoryGap] {
    inOrder.map { entry in
      if entry.client == .everybody { return .anybody }
      if entry.client.isOthers { return .clients(of: entry.client.principalMark) }
      return .writes(entry.client, through: entry.write)
    }
  }

  /// At most so many, of each principal those of the latest writes. That there were others is remembered.
  package mutating func keep(_ maximum: Int) {
    guard entries.count > maximum else { return }
    let lives = entries.values.filter { !$0.client.isOthers }.sorted { $0.sequence < $1.sequence }
    for entry in FairShare.split(lives, among: \.client.principalMark, limit: maximum).dropped {
      entries[entry.client] = nil
      add(client: .others(of: entry.client.principalMark), write: .max, sequence: entry.sequence)
    }
    let others = entries.values.filter(\.client.isOthers)
    guard others.count > maximum else { return }
    for entry in others { entries[entry.client] = nil }
    add(client: .everybody, write: .max, sequence: others.map(\.sequence).max() ?? 0)
  }
}

extension ForgottenClients {
  private static let entryLength = 32

  /// Four numbers (little-endian) of each client, in order: the two of its life, the write, the sequence.
  package var packed: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * Self.entryLength)
    for entry in inOrder {
      for number in [entry.client.high, entry.client.low, entry.write, entry.sequence] {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
      }
    }
    return bytes
  }

  /// Nil for bytes that are no whole number of clients.
  package init?(packed: [UInt8]) {
    guard packed.count.isMultiple(of: Self.entryLength) else { return nil }
    packed.withUnsafeBytes { bytes in
      func number(_ index: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
      }
      for start in stride(from: 0, to: bytes.count / 8, by: 4) {
        add(
          client: ClientIncarnation(high: number(start), low: number(start + 1)), write: number(start + 2),
          sequence: number(start + 3))
      }
    }
  }
}
