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

  /// Calls `body` with the same entry in place.
  public func withView<Result>(_ body: (StoredEntryView) throws -> Result) rethrows -> Result {
    try key.withUnsafeBytes { key in
      try value.withUnsafeBytes { try body(StoredEntryView(key: key, value: $0, version: version)) }
    }
  }
}

extension StoredEntry: WireMessage {
  public func encode(into writer: inout CBORWriter) { withView { $0.encode(into: &writer) } }

  public init(from reader: inout CBORReader) throws(CBORError) {
    self = try StoredEntryView(from: &reader).stored
  }
}
