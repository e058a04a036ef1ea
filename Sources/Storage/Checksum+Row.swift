import Wire

/// Of a row and its table's name, kept in the row and looked at when it is read: SQLite has no checksum of its own.
extension Checksum {
  static var ofRow: Checksum { Checksum(seed: 0x6b65_7976_616c_0001) }

  /// As a column holds it.
  var column: Int64 { Int64(bitPattern: value) }

  mutating func add(_ number: Int64) { add(UInt64(bitPattern: number)) }
  mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
  }
  mutating func add(_ blob: Blob) { blob.withUnsafeBytes { add($0) } }
}
