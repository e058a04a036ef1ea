import CProcessor
import Cluster

/// The entries of a table as raw bytes, one behind the other in chunks: a log that is cleaned, as in RAMCloud (Rumble,
/// Kejriwal and Ousterhout, FAST 2014). Size classes would keep what one class has freed from all others.
///
/// Chunks stand in the order in which they were begun, and what is moved stays in that order: so a cursor from the first to
/// the last meets every entry that is there all the time, and comes to the end of those that were there when it began.
///
/// Bounds: every offset that is read comes from `append`, which made room for `size` bytes there; an entry's own lengths
/// were written when it was, and add up to no more than that.
package struct EntryHeap: ~Copyable {
  /// Where an entry is: 19 bits for its chunk, 13 for its place there in steps of eight bytes.
  struct Reference: Equatable {
    let raw: UInt32
    init(raw: UInt32) { self.raw = raw }
    fileprivate init(chunk: Int, offset: Int) { raw = UInt32(chunk) << 13 | UInt32(offset >> 3) }
    fileprivate var chunk: Int { Int(raw >> 13) }
    fileprivate var offset: Int { Int(raw & 0x1fff) << 3 }
  }

  private struct Chunk {
    var capacity = 0
    var used = 0
    var dead = 0
    /// Rises from chunk to chunk.
    var serial: UInt64 = 0
    /// What places count its first byte as: not zero, once it stands for one of the same serial that is gone.
    var start = 0

    var living: Int { used - dead }
  }

  static let chunkLength = 1 << 16
  /// Longer ones have a chunk to themselves.
  private static let longestShared = chunkLength / 2
  private static let smallestChunk = 1 << 10
  /// As many as references can name.
  package static let mostChunks = 1 << 19
  /// So many bytes of dead entries are not worth a cleaning.
  private static let tolerated = 1 << 10

  private var chunks: [Chunk] = []
  /// Where each of them is; nil: it is not in use. By themselves, since each look-up needs one, and eight share a line.
  private var bases: [UnsafeMutableRawPointer?] = []
  /// Chunks in use by serial.
  private var order: [Int32] = []
  private var vacant: [Int32] = []
  /// The chunk that is being filled.
  private var open: Int?
  private var nextSerial: UInt64 = 1
  /// Bytes of entries, and of those among them that are dead. (The last chunk has up to a third in reserve.)
  private(set) var used = 0
  private var dead = 0

  private let mostChunks: Int

  /// - Parameter mostChunks: fewer than references can name, for tests.
  init(mostChunks: Int = Self.mostChunks) { self.mostChunks = mostChunks }

  deinit { for base in bases { base?.deallocate() } }

  /// The same entries at the same places.
  func copy() -> EntryHeap {
    var copy = EntryHeap(mostChunks: mostChunks)
    copy.chunks = chunks
    copy.bases = zip(chunks, bases).map { chunk, base in
      base.map { base in
        let bytes = Self.allocate(chunk.capacity)
        bytes.copyMemory(from: base, byteCount: chunk.used)
        return bytes
      }
    }
    (copy.order, copy.vacant, copy.open, copy.nextSerial) = (order, vacant, open, nextSerial)
    (copy.used, copy.dead) = (used, dead)
    return copy
  }

  /// A quarter of the numbers for chunks is taken (by 8 GiB of short entries, or 131,072 long ones): no more should be put
  /// here. Whoever gets the same entries in another order needs three times as many at the most.
  var isNearlyFull: Bool { order.count > mostChunks / 4 }
  /// That is not a partition that anybody could have filled by puts: nothing more is taken.
  var isFull: Bool { order.count > mostChunks / 8 * 7 }

  @inline(__always)
  subscript(reference: Reference) -> Entry {
    // Every reference in use names a chunk in use.
    Entry(bases[reference.chunk].unsafelyUnwrapped + reference.offset)
  }

  /// Has the lines fetched that an entry begins in: most entries are no longer.
  @inline(__always)
  func prefetch(_ reference: Reference) {
    let entry = bases[reference.chunk].unsafelyUnwrapped + reference.offset
    keyval_prefetch(entry)
    keyval_prefetch(entry + 63)
  }

  // MARK: Changing

  /// Room for an entry at the end, not written yet.
  mutating func append(_ size: Int) -> Reference {
    let index = chunk(for: size)
    let offset = chunks[index].used
    if chunks[index].capacity < offset + size { enlarge(index, to: offset + size) }
    chunks[index].used += size
    used += size
    return Reference(chunk: index, offset: offset)
  }

  private mutating func chunk(for size: Int) -> Int {
    if size > Self.longestShared {
      // Nothing may be put before it any more: cursors would miss that.
      close()
      defer { open = nil }
      return begin(capacity: size)
    }
    if let open, chunks[open].used + size <= Self.chunkLength { return open }
    close()
    return begin(capacity: Self.smallestChunk)
  }

  private mutating func begin(capacity size: Int) -> Int {
    let index = takeIndex()
    bases[index] = Self.allocate(size)
    chunks[index] = Chunk(capacity: size, serial: nextSerial)
    nextSerial += 1
    order.append(Int32(index))
    open = index
    return index
  }

  private mutating func takeIndex() -> Int {
    if let reused = vacant.popLast() { return Int(reused) }
    // Puts end at `isNearlyFull`, and what peers send at `isFull`: no message fills what is left then.
    guard chunks.count < mostChunks else { fatalError("a table was filled beyond `isFull`") }
    chunks.append(Chunk())
    bases.append(nil)
    return chunks.count - 1
  }

  /// A small table takes little; one that grows is copied at most seven times.
  private mutating func enlarge(_ index: Int, to needed: Int) {
    var size = max(chunks[index].capacity, Self.smallestChunk)
    while size < needed { size = min(size + max(size / 2 & ~7, Self.smallestChunk), Self.chunkLength) }
    resize(index, to: size)
  }

  private mutating func resize(_ index: Int, to size: Int) {
    let base = Self.allocate(size)
    if let old = bases[index] {
      base.copyMemory(from: old, byteCount: chunks[index].used)
      old.deallocate()
    }
    (bases[index], chunks[index].capacity) = (base, size)
  }

  private mutating func close() {
    guard let open else { return }
    self.open = nil
    if chunks[open].used == chunks[open].dead { return drop(open) }
    if chunks[open].used < chunks[open].capacity { resize(open, to: chunks[open].used) }
  }

  /// It is in the index no more.
  mutating func kill(_ reference: Reference) {
    let index = reference.chunk
    let entry = self[reference]
    entry.kill()
    let size = entry.size
    chunks[index].dead += size
    dead += size
    if chunks[index].dead == chunks[index].used { drop(index) }
  }

  private mutating func drop(_ index: Int) {
    guard let place = order.firstIndex(of: Int32(index)) else { return }
    if open == index { open = nil }
    order.remove(at: place)
    used -= chunks[index].used
    dead -= chunks[index].dead
    bases[index]?.deallocate()
    (bases[index], chunks[index]) = (nil, Chunk())
    vacant.append(Int32(index))
  }

  // MARK: Cleaning

  var isWorthCleaning: Bool { dead > Self.tolerated && dead * 4 > used }

  /// Gives the chunk that has most dead bytes up for one that has its living entries, and those of the chunk behind it if
  /// that goes, too: else there would be ever more chunks with ever less in them.
  /// - Returns: what was moved, to where.
  mutating func clean() -> [(old: Reference, new: Reference)] {
    guard let place = order.indices.max(by: { chunks[Int(order[$0])].dead < chunks[Int(order[$1])].dead })
    else { return [] }
    var sources = [Int(order[place])]
    if open == sources[0] { open = nil }
    if place + 1 < order.count, case let next = Int(order[place + 1]), next != open,
      chunks[sources[0]].living + chunks[next].living <= Self.chunkLength
    {
      sources.append(next)
    }
    let moved = merge(sources)
    for source in sources { drop(source) }
    return moved
  }

  /// Into a chunk that stands where the last of these does. A cursor in it begins it anew.
  private mutating func merge(_ sources: [Int]) -> [(old: Reference, new: Reference)] {
    let size = sources.reduce(0) { $0 + chunks[$1].living }
    guard size > 0, let last = sources.last, let place = order.firstIndex(of: Int32(last)) else { return [] }
    let target = takeIndex()
    let base = Self.allocate(size)
    bases[target] = base
    chunks[target] = Chunk(
      capacity: size, serial: chunks[last].serial, start: chunks[last].start + chunks[last].used)
    order.insert(Int32(target), at: place + 1)
    var moved: [(old: Reference, new: Reference)] = []
    var length = 0
    for source in sources {
      forEach(in: source, from: 0) { old, _ in
        let entry = self[old]
        Entry(base + length).write(entry)
        moved.append((old, Reference(chunk: target, offset: length)))
        length += entry.size
        return true
      }
    }
    chunks[target].used = length
    used += length
    return moved
  }

  // MARK: Going through

  /// A place to go on from: a chunk, and an offset that is never used again in a chunk of that serial.
  package struct Place: Hashable {
    fileprivate let serial: UInt64
    fileprivate let offset: Int

    package static let start = Place(serial: 0, offset: 0)
  }

  /// The living entries from a place on, until `body` says no.
  func forEach(from place: Place, _ body: (Reference, Place) -> Bool) {
    // Serials rise in this order.
    var (low, high) = (0, order.count)
    while low < high {
      let middle = (low + high) / 2
      if chunks[Int(order[middle])].serial < place.serial { low = middle + 1 } else { high = middle }
    }
    for index in order[low...] {
      let chunk = chunks[Int(index)]
      let offset = chunk.serial == place.serial ? max(0, place.offset - chunk.start) : 0
      let goesOn = forEach(in: Int(index), from: offset) { reference, offset in
        body(reference, Place(serial: chunk.serial, offset: chunk.start + offset))
      }
      if !goesOn { return }
    }
  }

  @discardableResult
  private func forEach(in index: Int, from start: Int, _ body: (Reference, Int) -> Bool) -> Bool {
    let chunk = chunks[index]
    guard let base = bases[index] else { return true }
    var offset = start
    while offset < chunk.used {
      let entry = Entry(base + offset)
      if !entry.isDead, !body(Reference(chunk: index, offset: offset), offset) { return false }
      offset += entry.size
    }
    return true
  }

  private static func allocate(_ size: Int) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
  }
}

extension EntryHeap {
  /// An entry in place: its version (the fence by number), two lengths, key, value; a multiple of eight bytes long.
  struct Entry {
    private static let head = 16
    private static let deadBit: UInt32 = 1 << 31

    private let bytes: UnsafeMutableRawPointer

    @inline(__always)
    fileprivate init(_ bytes: UnsafeMutableRawPointer) { self.bytes = bytes }

    static func size(key: Int, value: Int) -> Int { (head + key + value + 7) & ~7 }
    /// What one takes besides key and value, at most.
    static let most = head + 7
    /// Lengths above are refused wherever keys and values come from (`Limits`).
    static func fits(key: Int, value: Int) -> Bool { key <= Int(UInt16.max) && value < Int(deadBit) }

    @inline(__always) private var keyLength: Int { Int(bytes.load(fromByteOffset: 10, as: UInt16.self)) }
    @inline(__always) private var valueLength: Int {
      Int(bytes.load(fromByteOffset: 12, as: UInt32.self) & ~Self.deadBit)
    }

    var sequence: UInt64 { bytes.load(as: UInt64.self) }
    var fence: UInt16 { bytes.load(fromByteOffset: 8, as: UInt16.self) }
    var size: Int { Self.size(key: keyLength, value: valueLength) }
    var isDead: Bool { bytes.load(fromByteOffset: 12, as: UInt32.self) & Self.deadBit != 0 }

    @inline(__always) var key: UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(start: bytes + Self.head, count: keyLength)
    }
    @inline(__always) var value: UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(start: bytes + Self.head + keyLength, count: valueLength)
    }

    /// - Parameters: of lengths that fit, into room of their `size`.
    func write(
      _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, sequence: UInt64, fence: UInt16
    ) {
      bytes.storeBytes(of: sequence, as: UInt64.self)
      bytes.storeBytes(of: fence, toByteOffset: 8, as: UInt16.self)
      bytes.storeBytes(of: UInt16(key.count), toByteOffset: 10, as: UInt16.self)
      bytes.storeBytes(of: UInt32(value.count), toByteOffset: 12, as: UInt32.self)
      UnsafeMutableRawBufferPointer(start: bytes + Self.head, count: key.count).copyMemory(from: key)
      UnsafeMutableRawBufferPointer(start: bytes + Self.head + key.count, count: value.count)
        .copyMemory(from: value)
    }

    func setFence(_ fence: UInt16) { bytes.storeBytes(of: fence, toByteOffset: 8, as: UInt16.self) }

    /// The same bytes.
    func write(_ other: Entry) { bytes.copyMemory(from: other.bytes, byteCount: other.size) }

    fileprivate func kill() {
      let length = bytes.load(fromByteOffset: 12, as: UInt32.self)
      bytes.storeBytes(of: length | Self.deadBit, toByteOffset: 12, as: UInt32.self)
    }
  }
}
