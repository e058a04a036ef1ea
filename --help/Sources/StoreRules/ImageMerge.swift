import Cluster

/// Brings changes of a partition into its images: each that is touched is read, merged and written anew, one after the
/// other, so that no more than one or two are in memory.
package struct ImageMerge {
  let partition: Partition
  let generation: UInt64
  /// In order of place, the last of each key.
  let changes: [KeyChange]
  /// The first that is not merged yet.
  private(set) var next = 0
  /// How many bytes images have gained.
  private(set) var growth = 0
  private var writer = ImageWriter()

  package init(_ changes: [KeyChange], into partition: Partition, generation: UInt64) {
    (self.changes, self.partition, self.generation) = (changes, partition, generation)
  }

  var isOver: Bool { next >= changes.count }

  /// Changes of one image are merged in portions of so many bytes at the most.
  private static let portion = 1 << 20

  /// Goes on until all changes are merged, or the room is used up: bytes that are read and merged.
  package mutating func run(_ room: inout Int, _ rows: inout some StoreTransaction) throws {
    while !isOver, room > 0 {
      var image = try self.image(at: changes[next].place, rows)
      while true {
        let follower = try image.flatMap { try place(behind: $0, rows) }
        let portion = takePortion(before: follower, min(Self.portion, max(room, ImageWriter.length)))
        if let image { try rows.deleteImage(from: image.first, of: partition) }
        try merge(image, portion, &rows)
        room -= (image?.entries.count ?? 0) + portion.reduce(0) { $0 + changes[$1].length }
        growth -= image?.entries.count ?? 0
        // A short one goes together with its neighbour, unless more changes come before that.
        guard !writer.isEmpty, writer.isShort, let follower, isOver || changes[next].place >= follower else {
          break
        }
        image = try rows.image(at: follower, of: partition)
      }
      try write(writer.takeAll(), &rows)
    }
  }

  /// The one that a place belongs to; nil when the partition has none at all.
  private func image(at place: KeyPlace, _ rows: some StoreSnapshot) throws -> StoredImage? {
    try rows.image(at: place, of: partition) ?? rows.firstImage(of: partition)
  }

  /// Where the image behind one begins; nil behind the last.
  private func place(behind image: StoredImage, _ rows: some StoreSnapshot) throws -> KeyPlace? {
    guard let found = try rows.placeOfImage(behind: image.first, of: partition) else { return nil }
    guard let place = KeyPlace(bytes: found) else { throw RowDamage(RowDamage.images, of: partition) }
    return place
  }

  /// The next changes that belong to an image, given where its follower begins.
  private mutating func takePortion(before follower: KeyPlace?, _ longest: Int) -> Range<Int> {
    let start = next
    var length = 0
    while next < changes.count, length < longest {
      if let follower, changes[next].place >= follower { break }
      length += changes[next].length
      next += 1
    }
    return start..<next
  }

  private mutating func merge(
    _ image: StoredImage?, _ portion: Range<Int>, _ rows: inout some StoreTransaction
  ) throws {
    var place = portion.lowerBound
    if let image {
      try image.forEachEntry(of: partition) { entry in
        while place < portion.upperBound, !entry.precedes(changes[place].place) {
          try add(changes[place], &rows)
          place += 1
          if entry.isAt(changes[place - 1].place) { return }
        }
        writer.add(entry)
        try cut(&rows)
      }
    }
    for change in changes[place..<portion.upperBound] { try add(change, &rows) }
  }

  private mutating func add(_ change: KeyChange, _ rows: inout some StoreTransaction) throws {
    guard let value = change.value else { return }
    change.place.key.withUnsafeBytes { key in
      value.withUnsafeBytes { writer.add(change.place.hash, change.version, key, $0) }
    }
    try cut(&rows)
  }

  private mutating func cut(_ rows: inout some StoreTransaction) throws {
    while writer.isLong { try write(writer.takeFirst(), &rows) }
  }

  private mutating func write(_ image: NewImage?, _ rows: inout some StoreTransaction) throws {
    guard let image else { return }
    try rows.insert(image, generation: generation, of: partition)
    growth += image.entries.count
  }
}

extension StoredImage {
  /// Calls `body` with each entry, in order of place.
  func forEachEntry(of partition: Partition, _ body: (ImageEntry) throws -> Void) throws {
    do {
      try entries.withUnsafeBytes { bytes in
        var reader = ImageReader(bytes)
        while let entry = try reader.next() { try body(entry) }
      }
    } catch is ImageDamage {
      throw RowDamage(RowDamage.images, of: partition)
    }
  }
}
