import Wire

/// One item of the subset as a tree, so that tests can write any shape and read it back.
indirect enum Item: Equatable, Sendable {
  case unsigned(UInt64)
  case negative(Int64)
  case bytes([UInt8])
  case text(String)
  case array([Item])
  /// In order of keys.
  case map([Pair])
  case bool(Bool)
  case null

  struct Pair: Equatable, Sendable {
    let key: Item
    let value: Item
  }

  var encoded: [UInt8] {
    var writer = CBORWriter()
    encode(into: &writer)
    return writer.bytes
  }

  func encode(into writer: inout CBORWriter) {
    switch self {
    case .unsigned(let value): writer.write(unsigned: value)
    case .negative(let value): writer.write(integer: value)
    case .bytes(let value): writer.write(bytes: value)
    case .text(let value): writer.write(text: value)
    case .array(let items):
      writer.beginArray(items.count)
      for item in items { item.encode(into: &writer) }
    case .map(let pairs):
      writer.beginMap(pairs.count)
      for pair in pairs {
        pair.key.encode(into: &writer)
        pair.value.encode(into: &writer)
      }
    case .bool(let value): writer.write(bool: value)
    case .null: writer.writeNull()
    }
  }

  /// Reads all of the bytes as one item.
  static func decode(_ bytes: [UInt8]) throws(CBORError) -> Item {
    try bytes.withUnsafeBytes { buffer -> Result<Item, CBORError> in
      do throws(CBORError) {
        var checker = CBORReader(buffer)
        try checker.skip()
        try checker.requireEnd()
        var reader = CBORReader(buffer)
        return .success(try read(&reader, buffer))
      } catch {
        return .failure(error)
      }
    }.get()
  }

  private static func read(
    _ reader: inout CBORReader, _ bytes: UnsafeRawBufferPointer
  ) throws(CBORError) -> Item {
    switch bytes[reader.offset] >> 5 {
    case 0: return .unsigned(try reader.readUnsigned())
    case 1: return .negative(try reader.readInteger())
    case 2: return .bytes(try reader.readByteArray())
    case 3: return .text(try reader.readText(maximum: .max))
    case 4:
      var items: [Item] = []
      for _ in 0..<(try reader.readArrayHeader()) { items.append(try read(&reader, bytes)) }
      return .array(items)
    case 5:
      var pairs: [Pair] = []
      for _ in 0..<(try reader.readMapHeader()) {
        pairs.append(Pair(key: try read(&reader, bytes), value: try read(&reader, bytes)))
      }
      return .map(pairs)
    default: return try reader.readNull() ? .null : .bool(try reader.readBool())
    }
  }

  static func random(depth: Int = 0, using generator: inout SeededGenerator) -> Item {
    switch Int.random(in: 0..<(depth < 6 ? 8 : 6), using: &generator) {
    case 0: return .unsigned(number(&generator))
    case 1: return .negative(~Int64(bitPattern: number(&generator) & UInt64(Int64.max)))
    case 2: return .bytes((0..<length(&generator)).map { _ in .random(in: 0...255, using: &generator) })
    case 3:
      let scalars = (0..<length(&generator)).map { _ in scalar(&generator) }
      return .text(String(String.UnicodeScalarView(scalars)))
    case 4: return .bool(.random(using: &generator))
    case 5: return .null
    case 6:
      return .array((0..<length(&generator) / 4).map { _ in random(depth: depth + 1, using: &generator) })
    default:
      let keys = (0..<length(&generator) / 4).map { _ in random(depth: depth + 1, using: &generator) }
      let sorted = keys.sorted { $0.encoded.lexicographicallyPrecedes($1.encoded) }
      return .map(
        zip(sorted, sorted.dropFirst().map(Optional.some) + [nil]).filter { $0 != $1 }.map {
          Pair(key: $0.0, value: random(depth: depth + 1, using: &generator))
        })
    }
  }

  /// A number of random width, so that every length of head comes up.
  private static func number(_ generator: inout SeededGenerator) -> UInt64 {
    generator.next() >> UInt64.random(in: 0..<64, using: &generator)
  }

  private static func length(_ generator: inout SeededGenerator) -> Int {
    Int.random(in: 0...(.random(using: &generator) ? 30 : 8), using: &generator)
  }

  private static func scalar(_ generator: inout SeededGenerator) -> Unicode.Scalar {
    Unicode.Scalar(UInt32.random(in: 0...0x10ffff, using: &generator)) ?? "ü"
  }
}
