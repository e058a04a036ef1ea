import Cluster
import GRDB

/// Brings changes of a partition into its images: each that is touched is read, merged and written anew, one after the
/// other, so that no more than one or two are in memory.
struct ImageMerge {
  let partition: Partition
  let generation: UInt64
  /// In order of place, the last of each key.
  let changes: [KeyChange]
  /// The first that is not merged yet.
  private(set) var next = 0
  /// How many bytes images have gained.
  private(set) var growth = 0
  private var writer = ImageWriter()

  init(_ changes: [KeyChange], into partition: Partition, generation: UInt64) {
    (self.changes, self.partition, self.generation) = (changes, partition, generation)
  }

  var isOver: Bool { next >= changes.count }

  /// Changes of one image are merged in portions of so many bytes at the most.
  private static let portion = 1 << 20

  /// Goes on until all changes are merged, or the room is used up: bytes that are read and merged.
  mutating func run(_ room: inout Int, _ database: Database) throws {
    while !isOver, room > 0 {
      var image = try ImageTable.image(at: changes[next].place, of: partition, database)
      while true {
        let follower = try image.flatMap { try ImageTable.first(after: $0, of: partition, database) }
        let portion = takePortion(before: follower, min(Self.portion, max(room, ImageWriter.length)))
        if let image { try ImageTable.delete(image, of: partition, database) }
        try merge(image, portion, database)
        room -= (image?.entries.count ?? 0) + portion.reduce(0) { $0 + changes[$1].length }
        growth -= image?.entries.count ?? 0
        // A short one goes together with its neighbour, unless more changes come before that.
        guard !writer.isEmpty, writer.isShort, let follower, isOver || changes[next].place >= follower else {
          break
        }
        image = try ImageTable.image(from: follower, of: partition, database)
      }
      try write(writer.takeAll(), database)
    }
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

  private mutating func merge(_ image: ImageTable.Image?, _ portion: Range<Int>, _ database: Database) throws
  {
    var place = portion.lowerBound
    if let image {
      try ImageTable.forEachEntry(of: image, partition) { entry in
        while place < portion.upperBound, !entry.precedes(changes[place].place) {
          try add(changes[place], database)
          place += 1
          if entry.isAt(changes[place - 1].place) { return }
        }
        writer.add(entry)
        try cut(database)
      }
    }
    for change in changes[place..<portion.upperBound] { try add(change, database) }
  }

  private mutating func add(_ change: KeyChange, _ database: Database) throws {
    guard let value = change.value else { return }
    change.place.key.withUnsafeBytes { key in
      value.withUnsafeBytes { writer.add(change.place.hash, change.version, key, $0) }
    }
    try cut(database)
  }

  private mutating func cut(_ database: Database) throws {
    while writer.isLong { try write(writer.takeFirst(), database) }
  }

  private mutating func write(_ image: NewImage?, _ database: Database) throws {
    guard let image else { return }
    try ImageTable.insert(image, generation: generation, of: partition, database)
    growth += image.entries.count
  }
}
