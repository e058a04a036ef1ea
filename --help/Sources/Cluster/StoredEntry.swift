import Wire

/// A key and its value at a version.
public struct StoredEntry: Hashable, Sendable {
  public let key: [UInt8]
  public let value: [UInt8]
  public let version: Version

  public init(key: [UInt8], value: [UInt8], version: Version) {
    self.key = key
    self.value = value
    self.version = version
  }

  public var approximateLength: Int { Self.approximateLength(key: key.count, value: value.count) }
  public static func approximateLength(key: Int, value: Int) -> Int { key + value + 32 }
}

extension StoredEntry: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    writer.write(bytes: key)
    writer.write(bytes: value)
    version.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      key: try reader.readByteArray(maximum: Limits.maximumKeyLength),
      value: try reader.readByteArray(maximum: Limits.maximumValueLength), version: try Version(from: &reader)
    )
  }
}
