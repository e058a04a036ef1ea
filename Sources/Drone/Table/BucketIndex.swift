import CProcessor

/// Finds entries by the hash of their key: linear hashing (Litwin, VLDB 1980) over buckets of one cache line. It grows and
/// shrinks by one bucket at a time, so that nobody waits for a rehash.
///
/// A bucket has twelve one-byte tags (a part of the hash; zero: nothing), twelve references, and the number of the bucket
/// that it overflows into. The filled places of a chain come first.
///
/// Bounds: bucket numbers come from `number(of:)`, below `count`, or from a link that was written with the number of a
/// bucket that was made; places are below twelve.
struct BucketIndex: ~Copyable {
  typealias Reference = EntryHeap.Reference

  /// A place of a bucket.
  struct Place {
    fileprivate let bucket: UnsafeMutableRawPointer
    fileprivate let index: Int

    var reference: Reference {
      get { Reference(raw: bucket.load(fromByteOffset: 12 + 4 * index, as: UInt32.self)) }
      nonmutating set { bucket.storeBytes(of: newValue.raw, toByteOffset: 12 + 4 * index, as: UInt32.self) }
    }
    fileprivate var tag: UInt8 {
      get { bucket.load(fromByteOffset: index, as: UInt8.self) }
      nonmutating set { bucket.storeBytes(of: newValue, toByteOffset: index, as: UInt8.self) }
    }
  }

  static let bucketLength = 64
  private static let places = 12
  /// Entries a bucket on average before another is made, and below which one goes.
  private static let fullest = 8
  private static let emptiest = 3

  private var buckets = BucketPool<64>()
  /// Few: a small table has hardly any.
  private var overflow = BucketPool<8>()
  /// The number plus one of the first overflow bucket that is free; each names the next.
  private var vacant: UInt32 = 0
  /// Buckets of this round when it began: a power of two.
  private var base = 1
  /// Entries.
  private(set) var count = 0

  init() {}

  func copy() -> BucketIndex {
    var copy = BucketIndex()
    copy.buckets = buckets.copy()
    copy.overflow = overflow.copy()
    (copy.vacant, copy.base, copy.count) = (vacant, base, count)
    return copy
  }

  /// By the number of entries alone, not by how their hashes fall: those differ from process to process.
  var footprint: Int { (buckets.count + buckets.count / 8) * Self.bucketLength }

  // MARK: Finding

  @inline(__always)
  private func number(of hash: UInt64) -> Int {
    let number = Int(truncatingIfNeeded: hash) & (base * 2 - 1)
    return number < buckets.count ? number : number & (base - 1)
  }

  @inline(__always)
  private static func tag(of hash: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: hash >> 56) | 0x80 }

  /// Has the bucket where a hash is looked for first fetched.
  @inline(__always)
  func prefetchBucket(of hash: UInt64) {
    if count > 0 { keyval_prefetch(buckets[number(of: hash)]) }
  }

  /// Calls `body` with the references of that bucket that are probably meant.
  @inline(__always)
  func visitProbable(_ hash: UInt64, _ body: (Reference) -> Void) {
    guard count > 0 else { return }
    _ = Self.find(Self.pattern(of: hash), in: buckets[number(of: hash)]) { reference in
      body(reference)
      return false
    }
  }

  /// The place with this hash of which `isMeant` says so.
  @inline(__always)
  func find(_ hash: UInt64, _ isMeant: (Reference) -> Bool) -> Place? {
    guard count > 0 else { return nil }
    var bucket = buckets[number(of: hash)]
    let pattern = Self.pattern(of: hash)
    while true {
      if let place = Self.find(pattern, in: bucket, isMeant) { return place }
      guard let next = next(bucket) else { return nil }
      bucket = next
    }
  }

  /// Eight times the tag.
  @inline(__always)
  private static func pattern(of hash: UInt64) -> UInt64 { UInt64(tag(of: hash)) &* 0x0101_0101_0101_0101 }

  /// Of one bucket. Eight tags at once, then four: a byte that is zero after the exclusive or is equal (Warren, Hacker's
  /// Delight, 6-1). The byte above an equal one may be taken for it, too; no empty place can be.
  @inline(__always)
  private static func find(
    _ pattern: UInt64, in bucket: UnsafeMutableRawPointer, _ isMeant: (Reference) -> Bool
  ) -> Place? {
    var equal = zeros(bucket.load(as: UInt64.self) ^ pattern)
    while equal != 0 {
      let place = Place(bucket: bucket, index: equal.trailingZeroBitCount >> 3)
      if isMeant(place.reference) { return place }
      equal &= equal &- 1
    }
    let rest = UInt64(bucket.load(fromByteOffset: 8, as: UInt32.self))
    equal = zeros(rest ^ pattern) & 0xffff_ffff
    while equal != 0 {
      let place = Place(bucket: bucket, index: 8 + equal.trailingZeroBitCount >> 3)
      if isMeant(place.reference) { return place }
      equal &= equal &- 1
    }
    return nil
  }

  @inline(__always)
  private static func zeros(_ word: UInt64) -> UInt64 {
    (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
  }

  @inline(__always)
  private func next(_ bucket: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let link = bucket.load(fromByteOffset: 60, as: UInt32.self)
    return link == 0 ? nil : overflow[Int(link) - 1]
  }

  // MARK: Changing

  /// - Parameter hashOf: of an entry's key; asked for those of one bucket when another is made.
  mutating func insert(_ hash: UInt64, _ reference: Reference, hashOf: (Reference) -> UInt64) {
    if buckets.count == 0 { buckets.append() }
    place(hash, reference)
    count += 1
    if count > buckets.count * Self.fullest { split(hashOf) }
  }

  /// Makes the buckets beforehand that so many more entries come to: while there are few entries, to divide buckets costs
  /// next to nothing.
  mutating func reserve(_ more: Int, hashOf: (Reference) -> UInt64) {
    let needed = (count + more + Self.fullest - 1) / Self.fullest
    if buckets.count == 0, needed > 0 { buckets.append() }
    while buckets.count < needed { split(hashOf) }
  }

  private mutating func place(_ hash: UInt64, _ reference: Reference) {
    var bucket = buckets[number(of: hash)]
    while let next = next(bucket) { bucket = next }
    var index = Self.filled(bucket)
    if index == Self.places {
      let fresh = takeOverflow()
      bucket.storeBytes(of: UInt32(fresh + 1), toByteOffset: 60, as: UInt32.self)
      bucket = overflow[fresh]
      index = 0
    }
    let place = Place(bucket: bucket, index: index)
    place.tag = Self.tag(of: hash)
    place.reference = reference
  }

  private static func filled(_ bucket: UnsafeMutableRawPointer) -> Int {
    (0..<places).first { bucket.load(fromByteOffset: $0, as: UInt8.self) == 0 } ?? places
  }

  private mutating func takeOverflow() -> Int {
    guard vacant > 0 else { return overflow.append() }
    let number = Int(vacant) - 1
    vacant = overflow[number].load(fromByteOffset: 60, as: UInt32.self)
    overflow.clear(number)
    return number
  }

  /// The last of its chain takes the place.
  mutating func remove(_ hash: UInt64, _ place: Place, hashOf: (Reference) -> UInt64) {
    var (before, last): (UnsafeMutableRawPointer?, UnsafeMutableRawPointer) = (nil, buckets[number(of: hash)])
    while let next = next(last) { (before, last) = (last, next) }
    let mover = Place(bucket: last, index: Self.filled(last) - 1)
    place.tag = mover.tag
    place.reference = mover.reference
    mover.tag = 0
    if let before, mover.index == 0 { freeOverflow(behind: before) }
    count -= 1
    if count < buckets.count * Self.emptiest, buckets.count > 1 { merge(hashOf) }
  }

  private mutating func freeOverflow(behind bucket: UnsafeMutableRawPointer) {
    let link = bucket.load(fromByteOffset: 60, as: UInt32.self)
    overflow[Int(link) - 1].storeBytes(of: vacant, toByteOffset: 60, as: UInt32.self)
    bucket.storeBytes(of: UInt32(0), toByteOffset: 60, as: UInt32.self)
    vacant = link
  }

  private mutating func split(_ hashOf: (Reference) -> UInt64) {
    let moved = count == 0 ? [] : takeAll(of: buckets.count - base)
    buckets.append()
    if buckets.count == base * 2 { base *= 2 }
    for reference in moved { place(hashOf(reference), reference) }
  }

  private mutating func merge(_ hashOf: (Reference) -> UInt64) {
    let moved = takeAll(of: buckets.count - 1)
    if buckets.count == base { base /= 2 }
    buckets.removeLast()
    for reference in moved { place(hashOf(reference), reference) }
  }

  private mutating func takeAll(of number: Int) -> [Reference] {
    var taken: [Reference] = []
    taken.reserveCapacity(Self.places * 2)
    let first = buckets[number]
    var bucket = first
    while true {
      for index in 0..<Self.filled(bucket) {
        taken.append(Place(bucket: bucket, index: index).reference)
      }
      guard let next = next(bucket) else { break }
      bucket = next
    }
    while next(first) != nil {
      var last = first
      while let next = next(last), self.next(next) != nil { last = next }
      freeOverflow(behind: last)
    }
    buckets.clear(number)
    return taken
  }
}

/// Buckets by number, that never move; so many of them in one allocation.
private struct BucketPool<let segment: Int>: ~Copyable {
  private static var segmentLength: Int { segment * BucketIndex.bucketLength }

  private var segments: [UnsafeMutableRawPointer] = []
  private(set) var count = 0

  init() {}

  deinit { for segment in segments { segment.deallocate() } }

  func copy() -> BucketPool {
    var copy = BucketPool()
    copy.segments = segments.map { segment in
      let bytes = Self.allocate()
      bytes.copyMemory(from: segment, byteCount: Self.segmentLength)
      return bytes
    }
    copy.count = count
    return copy
  }

  @inline(__always)
  subscript(number: Int) -> UnsafeMutableRawPointer {
    segments[number / segment] + number % segment * BucketIndex.bucketLength
  }

  /// Adds an empty one; gives its number.
  @discardableResult
  mutating func append() -> Int {
    if count == segments.count * segment { segments.append(Self.allocate()) }
    clear(count)
    count += 1
    return count - 1
  }

  mutating func removeLast() {
    count -= 1
    if count % segment == 0, let last = segments.popLast() { last.deallocate() }
  }

  func clear(_ number: Int) {
    self[number].initializeMemory(as: UInt8.self, repeating: 0, count: BucketIndex.bucketLength)
  }

  private static func allocate() -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer.allocate(byteCount: segmentLength, alignment: BucketIndex.bucketLength)
  }
}
