import Wire

/// A stored entry in place: key and value point into bytes that somebody else keeps.
///
/// On the wire it is `[key, value, version]`.
public struct StoredEntryView {
  public let key: UnsafeRawBufferPointer
  public let value: UnsafeRawBufferPointer
  public let version: Version

  @inlinable
  public init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, version: Version) {
    self.key = key
    self.value = value
    self.version = version
  }

  public var approximateLength: Int { StoredEntry.approximateLength(key: key.count, value: value.count) }

  /// The same with bytes of its own.
  public var stored: StoredEntry {
    StoredEntry(key: [UInt8](key), value: [UInt8](value), version: version)
  }
}

extension StoredEntryView {
  /// Two arrays, two strings and three numbers.
  private static let heads = 7 * CBORWriter.longestHead

  public func encode(into writer: inout CBORWriter) {
    writer.write(atMost: Self.heads + key.count + value.count) { writer in
      writer.beginArray(3)
      writer.write(bytes: key)
      writer.write(bytes: value)
      version.encode(into: &writer)
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    key = try reader.readBytes(maximum: Limits.maximumKeyLength)
    value = try reader.readBytes(maximum: Limits.maximumValueLength)
    version = try Version(from: &reader)
  }
}
