import Wire

/// Partitions that a drone holds under one token.
public struct Holding: Hashable, Sendable {
  public let token: FencingToken
  public let partitions: PartitionSet

  public init(token: FencingToken, partitions: PartitionSet) {
    self.token = token
    self.partitions = partitions
  }
}

extension Holding: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    token.encode(into: &writer)
    partitions.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(token: try FencingToken(from: &reader), partitions: try PartitionSet(from: &reader))
  }
}
