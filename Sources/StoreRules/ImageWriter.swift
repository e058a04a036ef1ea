import Cluster

/// An image that is to be stored.
package struct NewImage {
  package let first: [UInt8]
  package let count: Int
  package let entries: ArraySlice<UInt8>
}

/// Gathers entries, in order of their places, and cuts them into images of about the same length.
package struct ImageWriter {
  /// Where an image ends, if much follows. What is longer than half as much again is cut there.
  package static let length = 64 << 10
  /// What is shorter than that goes together with its neighbour.
  package static let shortest = 16 << 10

  private var bytes: [UInt8] = []
  private var count = 0
  private var first: [UInt8] = []
  private var fence: FencingToken?
  /// The first entry beyond the length, where the next image would begin.
  private var cut: (offset: Int, count: Int, first: [UInt8])?

  var isEmpty: Bool { count == 0 }
  var isShort: Bool { bytes.count < Self.shortest }

  /// Whether `takeFirst` is to be called before more is added.
  var isLong: Bool { cut != nil && bytes.count > Self.length * 3 / 2 }

  mutating func add(_ entry: ImageEntry) { add(entry.hash, entry.version, entry.key, entry.value) }

  mutating func add(
    _ hash: UInt64, _ version: Version, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
  ) {
    if isEmpty {
      first = KeyHash.bytes(hash) + key
    } else if cut == nil, bytes.count >= Self.length {
      cut = (bytes.count, count, KeyHash.bytes(hash) + key)
      fence = nil
    }
    let isSameFence = fence == version.fence
    append(UInt16(truncatingIfNeeded: key.count) | (isSameFence ? 0 : ImageReader.fenceBit))
    append(UInt32(truncatingIfNeeded: value.count))
    append(version.sequence)
    if !isSameFence {
      append(version.fence.term.number)
      append(version.fence.counter)
      fence = version.fence
    }
    bytes.append(contentsOf: key)
    bytes.append(contentsOf: value)
    count += 1
  }

  /// What is before the cut, or all of it.
  mutating func takeFirst() -> NewImage? {
    guard let cut else { return takeAll() }
    let image = NewImage(first: first, count: cut.count, entries: bytes[..<cut.offset])
    bytes = Array(bytes[cut.offset...])
    (first, count) = (cut.first, count - cut.count)
    self.cut = nil
    return image
  }

  /// All of it, as one image.
  mutating func takeAll() -> NewImage? {
    defer { self = ImageWriter() }
    return isEmpty ? nil : NewImage(first: first, count: count, entries: bytes[...])
  }

  private mutating func append<Number: FixedWidthInteger>(_ number: Number) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }
}

/// For tests and for the fuzzer: what an image has, and images of entries.
package enum ImageCoding {
  /// - Throws: when the bytes are no image.
  package static func entries(in bytes: UnsafeRawBufferPointer) throws -> [StoredEntry] {
    var reader = ImageReader(bytes)
    var entries: [StoredEntry] = []
    while let entry = try reader.next() { entries.append(entry.view.stored) }
    return entries
  }

  package static func images(of entries: [StoredEntry]) -> [[UInt8]] {
    var writer = ImageWriter()
    var images: [NewImage?] = []
    for change in KeyChange.last(of: entries.map { KeyChange($0) }) {
      change.place.key.withUnsafeBytes { key in
        (change.value ?? []).withUnsafeBytes { writer.add(change.place.hash, change.version, key, $0) }
      }
      while writer.isLong { images.append(writer.takeFirst()) }
    }
    images.append(writer.takeAll())
    return images.compactMap { $0 }.map { Array($0.entries) }
  }
}
