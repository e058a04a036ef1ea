import Cluster

/// The keys of one partition in memory. A look-up allocates nothing, and is two cache misses: a bucket and the entry.
///
/// A value: whoever changes one that is shared gets a copy of all of it first. Nothing outside this folder knows how it
/// works.
package struct Table {
  private var contents: TableContents

  /// - Parameter mostChunks: how many chunks of entries it numbers; fewer for tests.
  package init(mostChunks: Int = EntryHeap.mostChunks) { contents = TableContents(mostChunks) }

  package var count: Int { contents.index.count }
  package var footprint: Int { contents.heap.used + contents.index.footprint }

  /// No key should be added any more.
  package var isNearlyFull: Bool { contents.heap.isNearlyFull }
  /// Nothing may be added any more.
  package var isFull: Bool { contents.heap.isFull }

  /// Has what a look-up of a key meets first fetched.
  @inline(__always)
  func prefetchBucket(of key: HashedKey) { contents.index.prefetchBucket(of: key.hash) }

  /// The same of what it meets next; to be called when the bucket is there.
  @inline(__always)
  func prefetchEntry(of key: HashedKey) {
    contents.index.visitProbable(key.hash) { contents.heap.prefetch($0) }
  }

  package func contains(_ key: HashedKey) -> Bool { contents.find(key) != nil }

  /// Calls `body` with the value in place, or with nil.
  @inline(__always)
  package func withValue<Result>(of key: HashedKey, _ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
    guard let place = contents.find(key) else { return body(nil) }
    return body(contents.heap[place.reference].value)
  }

  /// Calls `body` with the value in place and what tells its version, or with nil.
  @inline(__always)
  package func withEntry<Result>(
    of key: HashedKey, _ body: (UnsafeRawBufferPointer?, _ version: () -> Version) -> Result
  ) -> Result {
    guard let place = contents.find(key) else {
      return body(nil) { Version(fence: .none, sequence: 0) }
    }
    let entry = contents.heap[place.reference]
    return body(entry.value) { contents.version(of: entry) }
  }

  package func version(of key: HashedKey) -> Version? {
    contents.find(key).map { contents.version(of: contents.heap[$0.reference]) }
  }

  package mutating func set(_ key: HashedKey, _ value: UnsafeRawBufferPointer, _ version: Version) {
    own()
    _ = contents.set(key, value, version)
  }

  package mutating func set(_ entry: StoredEntry) {
    entry.withView { set(HashedKey($0.key), $0.value, $0.version) }
  }

  /// Makes room for all of them at once, as far as they are new.
  package mutating func set(_ entries: StoredEntries) {
    own()
    let contents = contents
    contents.reserve(entries.count)
    entries.forEachView { _ = contents.set(HashedKey($0.key), $0.value, $0.version) }
  }

  package mutating func remove(_ key: HashedKey) {
    own()
    _ = contents.remove(key)
  }

  /// - Parameter key: the record's.
  /// - Returns: the sequence number of what it has overwritten; 0: nothing.
  @discardableResult
  package mutating func apply(_ record: LogRecordView, _ key: HashedKey, _ version: Version) -> UInt64 {
    own()
    return switch record.change {
    case .put(let value): contents.set(key, value, version)
    case .delete: contents.remove(key)
    case .nothing: 0
    }
  }

  private mutating func own() {
    if !isKnownUniquelyReferenced(&contents) { contents = contents.copy() }
  }

  /// Keys and the lengths of their values, in any order.
  package func forEachKey(_ body: ([UInt8], Int) -> Void) {
    contents.heap.forEach(from: .start) { reference, _ in
      let entry = contents.heap[reference]
      body([UInt8](entry.key), entry.value.count)
      return true
    }
  }

  /// Entries from a place on, until they are about so many bytes; and the place behind them, nil at the end.
  ///
  /// Who goes on from place to place misses none that is not written meanwhile. It comes to an end whatever is written,
  /// because what is written after `sequence` is passed over. Their order depends on what was written, not on hashes.
  package func entries(
    from place: EntryHeap.Place, bytes: Int, asOf sequence: UInt64 = .max
  ) -> (entries: [StoredEntry], next: EntryHeap.Place?) {
    var found: [StoredEntry] = []
    var length = 0
    var next: EntryHeap.Place?
    contents.heap.forEach(from: place) { reference, place in
      let entry = contents.heap[reference]
      if entry.sequence > sequence { return true }
      // One alone may be larger; behind others it waits for the next time.
      let longer = length + StoredEntry.approximateLength(key: entry.key.count, value: entry.value.count)
      if !found.isEmpty, longer > bytes {
        next = place
        return false
      }
      length = longer
      found.append(
        StoredEntry(
          key: [UInt8](entry.key), value: [UInt8](entry.value), version: contents.version(of: entry)))
      return true
    }
    return (found, next)
  }
}

/// What tables share until one of them changes.
private final class TableContents {
  var heap: EntryHeap
  var index: BucketIndex
  /// The fences of versions, by the number that entries have.
  private var fences: [FencingToken] = []
  private var numbers: [FencingToken: UInt16] = [:]
  /// Only by way of a peer that invents them are there so many.
  private static let mostFences = 1 << 16
  /// So many are in use that looking for those that are not is in vain.
  private var hasTooManyFences = false

  init(_ mostChunks: Int) {
    heap = EntryHeap(mostChunks: mostChunks)
    index = BucketIndex()
  }

  private init(of other: TableContents) {
    heap = other.heap.copy()
    index = other.index.copy()
    (fences, numbers, hasTooManyFences) = (other.fences, other.numbers, other.hasTooManyFences)
  }

  func copy() -> TableContents { TableContents(of: self) }

  private func hash(of reference: EntryHeap.Reference) -> UInt64 { HashedKey(heap[reference].key).hash }

  @inline(__always)
  func find(_ key: HashedKey) -> BucketIndex.Place? {
    index.find(key.hash) { reference in
      let other = heap[reference].key
      guard other.count == key.bytes.count else { return false }
      return Self.areEqual(other, key.bytes)
    }
  }

  /// Of the same length. By words, the last of which may overlap the one before.
  @inline(__always)
  private static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    let count = left.count
    guard count >= 8 else { return left.elementsEqual(right) }
    func differ(at offset: Int) -> Bool {
      left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        != right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
    var offset = 0
    while offset + 8 < count {
      if differ(at: offset) { return false }
      offset += 8
    }
    return !differ(at: count - 8)
  }

  /// - Returns: the sequence number of what was there before; 0: nothing.
  func set(_ hashed: HashedKey, _ value: UnsafeRawBufferPointer, _ version: Version) -> UInt64 {
    let (key, hash) = (hashed.bytes, hashed.hash)
    guard EntryHeap.Entry.fits(key: key.count, value: value.count) else { return 0 }
    let fence = number(of: version.fence)
    let size = EntryHeap.Entry.size(key: key.count, value: value.count)
    guard let place = find(hashed) else {
      let reference = append(size, key, value, version.sequence, fence)
      index.insert(hash, reference) { self.hash(of: $0) }
      return 0
    }
    let old = place.reference
    let overwritten = heap[old].sequence
    if heap[old].size == size {
      heap[old].write(key, value, sequence: version.sequence, fence: fence)
    } else {
      place.reference = append(size, key, value, version.sequence, fence)
      heap.kill(old)
      clean()
    }
    return overwritten
  }

  /// So many keys follow, and most are not here yet.
  func reserve(_ keys: Int) { index.reserve(keys) { self.hash(of: $0) } }

  private func append(
    _ size: Int, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ sequence: UInt64,
    _ fence: UInt16
  ) -> EntryHeap.Reference {
    let reference = heap.append(size)
    heap[reference].write(key, value, sequence: sequence, fence: fence)
    return reference
  }

  func remove(_ key: HashedKey) -> UInt64 {
    guard let place = find(key) else { return 0 }
    let reference = place.reference
    let removed = heap[reference].sequence
    index.remove(key.hash, place) { self.hash(of: $0) }
    heap.kill(reference)
    clean()
    return removed
  }

  /// Moves the living entries of two chunks, 64 KiB at most, if there is much in the heap that is dead.
  private func clean() {
    guard heap.isWorthCleaning else { return }
    for (old, new) in heap.clean() { index.find(hash(of: new)) { $0 == old }?.reference = new }
  }

  // MARK: Fences

  func version(of entry: EntryHeap.Entry) -> Version {
    Version(fence: fences[Int(entry.fence)], sequence: entry.sequence)
  }

  private func number(of fence: FencingToken) -> UInt16 {
    // As a rule it is the last.
    if fences.last == fence { return UInt16(fences.count - 1) }
    if let number = numbers[fence] { return number }
    if fences.count == Self.mostFences, !hasTooManyFences { dropUnusedFences() }
    // Its versions are another's then, of which the same peer has had so many.
    if fences.count == Self.mostFences { return UInt16(Self.mostFences - 1) }
    numbers[fence] = UInt16(fences.count)
    fences.append(fence)
    return UInt16(fences.count - 1)
  }

  private func dropUnusedFences() {
    let old = fences
    (fences, numbers) = ([], [:])
    heap.forEach(from: .start) { reference, _ in
      let entry = heap[reference]
      let fence = old[Int(entry.fence)]
      let number = numbers[fence] ?? UInt16(fences.count)
      if numbers[fence] == nil {
        numbers[fence] = number
        fences.append(fence)
      }
      entry.setFence(number)
      return true
    }
    hasTooManyFences = fences.count > Self.mostFences / 2
  }
}
