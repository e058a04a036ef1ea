import Cluster

/// The keys of one partition in memory. Plain for now: an open-addressing index (linear probing, backward-shift
/// deletion: Knuth, TAOCP vol. 3, 6.4 algorithm R) over entries that own their bytes. A look-up allocates
/// nothing. Nothing outside this file knows how it works.
struct Table {
  private struct Entry {
    var hash: Int
    var key: [UInt8]
    var value: [UInt8]
    var version: Version
  }

  /// Position of an entry plus one; zero is an empty place. The count is a power of two.
  private var places: [UInt32] = [UInt32](repeating: 0, count: 16)
  private var entries: [Entry?] = []
  private var vacant: [Int] = []
  private(set) var count = 0
  /// Of keys and values alone.
  private var byteCount = 0

  /// Places are kept when their entries are deleted.
  var footprint: Int { byteCount + entries.count * Footprint.place }

  func contains(_ key: UnsafeRawBufferPointer) -> Bool { find(key, hash: Self.hash(key)) != nil }

  /// Calls `body` with the value in place, or with nil.
  func withValue<Result>(of key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Result)
    -> Result
  {
    guard let place = find(key, hash: Self.hash(key)), let entry = entries[Int(places[place]) - 1] else {
      return body(nil)
    }
    return entry.value.withUnsafeBytes(body)
  }

  mutating func set(_ key: [UInt8], _ value: [UInt8], _ version: Version) {
    let hash = key.withUnsafeBytes(Self.hash)
    if let place = key.withUnsafeBytes({ find($0, hash: hash) }) {
      let index = Int(places[place]) - 1
      byteCount += Footprint.bytes(value.count) - Footprint.bytes(entries[index]?.value.count ?? 0)
      entries[index]?.value = value
      entries[index]?.version = version
      return
    }
    if (count + 1) * 4 > places.count * 3 { grow() }
    let entry = Entry(hash: hash, key: key, value: value, version: version)
    let index: Int
    if let reused = vacant.popLast() {
      index = reused
      entries[index] = entry
    } else {
      index = entries.count
      entries.append(entry)
    }
    insert(index, hash: hash)
    count += 1
    byteCount += Footprint.bytes(key.count) + Footprint.bytes(value.count)
  }

  mutating func remove(_ key: [UInt8]) {
    guard var hole = key.withUnsafeBytes({ find($0, hash: Self.hash($0)) }) else { return }
    let index = Int(places[hole]) - 1
    byteCount -= Footprint.bytes(key.count) + Footprint.bytes(entries[index]?.value.count ?? 0)
    entries[index] = nil
    vacant.append(index)
    count -= 1
    // Close the gap: move back every follower that the hole would cut off from its home place.
    let mask = places.count - 1
    places[hole] = 0
    var next = (hole + 1) & mask
    while places[next] != 0, let entry = entries[Int(places[next]) - 1] {
      let home = entry.hash & mask
      if (next &- home) & mask >= (next &- hole) & mask {
        places[hole] = places[next]
        places[next] = 0
        hole = next
      }
      next = (next + 1) & mask
    }
  }

  mutating func apply(_ record: LogRecord, _ version: Version) {
    switch record.change {
    case .put(let value): set(record.key, value, version)
    case .delete: remove(record.key)
    case .nothing: break
    }
  }

  /// Keys and the lengths of their values, in any order.
  func forEachKey(_ body: ([UInt8], Int) -> Void) {
    for case let entry? in entries { body(entry.key, entry.value.count) }
  }

  /// Entries from a place on, until they are about so many bytes; and the place behind them, nil at the end. An
  /// entry keeps its place for as long as its key has a value, so who goes on from place to place misses none that
  /// was there all the time, whatever is changed meanwhile.
  func entries(from place: Int, bytes: Int) -> (entries: [StoredEntry], next: Int?) {
    var found: [StoredEntry] = []
    var length = 0
    var place = place
    while place < entries.count, length < bytes {
      if let entry = entries[place] {
        let stored = StoredEntry(key: entry.key, value: entry.value, version: entry.version)
        // One alone may be larger; behind others it waits for the next time.
        if !found.isEmpty, length + stored.approximateLength > bytes { break }
        found.append(stored)
        length += stored.approximateLength
      }
      place += 1
    }
    return (found, place < entries.count ? place : nil)
  }

  private static func hash(_ key: UnsafeRawBufferPointer) -> Int {
    // The standard library's hasher is seeded for each process: a client cannot choose keys that collide.
    var hasher = Hasher()
    hasher.combine(bytes: key)
    return hasher.finalize()
  }

  private func find(_ key: UnsafeRawBufferPointer, hash: Int) -> Int? {
    let mask = places.count - 1
    var place = hash & mask
    while places[place] != 0 {
      if let entry = entries[Int(places[place]) - 1], entry.hash == hash, entry.key.elementsEqual(key) {
        return place
      }
      place = (place + 1) & mask
    }
    return nil
  }

  private mutating func insert(_ index: Int, hash: Int) {
    let mask = places.count - 1
    var place = hash & mask
    while places[place] != 0 { place = (place + 1) & mask }
    places[place] = UInt32(index + 1)
  }

  private mutating func grow() {
    places = [UInt32](repeating: 0, count: places.count * 2)
    for (index, entry) in entries.enumerated() {
      if let entry { insert(index, hash: entry.hash) }
    }
  }
}
