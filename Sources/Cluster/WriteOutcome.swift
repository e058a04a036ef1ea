import Wire

/// The outcome of a write, kept so that its retry is answered and not executed again.
public struct WriteOutcome: Hashable, Sendable {
  public let client: ClientIncarnation
  public let write: UInt64
  public let sequence: UInt64
  public let outcome: Outcome
  /// Of what was asked for; nil where that was not kept.
  public let digest: UInt32?

  public init(
    client: ClientIncarnation, write: UInt64, sequence: UInt64, outcome: Outcome, digest: UInt32? = nil
  ) {
    self.client = client
    self.write = write
    self.sequence = sequence
    self.outcome = outcome
    self.digest = digest
  }

  public init(_ record: LogRecord, sequence: UInt64) {
    self.init(
      client: record.client, write: record.write, sequence: sequence, outcome: record.outcome,
      digest: record.digest)
  }
}

extension WriteOutcome: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    // Two arrays, five numbers and an outcome.
    writer.write(atMost: 7 * CBORWriter.longestHead + Outcome.longest) { writer in
      writer.beginArray(digest == nil ? 4 : 5)
      client.encode(into: &writer)
      writer.write(unsigned: write)
      writer.write(unsigned: sequence)
      outcome.encode(into: &writer)
      if let digest { writer.write(unsigned: UInt64(digest)) }
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let hasDigest = try reader.hasDigest(behind: 4)
    self.init(
      client: try ClientIncarnation(from: &reader), write: try reader.readUnsigned(),
      sequence: try reader.readUnsigned(), outcome: try Outcome(from: &reader),
      digest: hasDigest ? try reader.readDigest() : nil)
  }
}

/// Files of before there were digests have items without.
extension CBORReader {
  mutating func hasDigest(behind count: Int) throws(CBORError) -> Bool {
    let start = offset
    let found = try readArrayHeader(maximum: count + 1)
    guard found >= count else { throw .outOfRange(field: "the number of items", offset: start) }
    return found > count
  }

  mutating func readDigest() throws(CBORError) -> UInt32 {
    let start = offset
    guard let digest = UInt32(exactly: try readUnsigned()) else {
      throw .outOfRange(field: "a digest", offset: start)
    }
    return digest
  }
}
