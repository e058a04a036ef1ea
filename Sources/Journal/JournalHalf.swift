import Cluster
import Wire

/// Where a frame is, and how long it is, in units of 8 bytes.
struct FramePlace {
  let place: UInt32
  let words: UInt32
  var length: Int { Int(words) * 8 }
}

/// One half of a journal, as it is written. Frames are there once they are published.
struct JournalHalf {
  private let bytes: UnsafeMutableRawBufferPointer
  private let start: Int
  let length: Int
  let generation: UInt32
  /// Bytes that are written.
  private(set) var used = JournalFormat.halfHead

  init(_ generation: UInt32, of bytes: UnsafeMutableRawBufferPointer, length: Int) {
    self.bytes = bytes
    self.length = length
    self.generation = generation
    start = JournalFormat.headLength + Int(generation % 2) * length
  }

  /// Whether a frame with such a payload fits.
  func fits(_ payload: Int) -> Bool { JournalFormat.frameLength(payload) <= length - used }

  /// Writes a frame that fits, which is not there yet.
  mutating func write(
    _ kind: JournalFormat.Kind, _ partition: Partition, _ number: UInt64,
    _ payload: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
  ) -> FramePlace {
    let offset = used
    precondition(fits(payload.count), "there is no room for a frame of \(payload.count) bytes")
    let frame = UnsafeMutableRawBufferPointer(
      rebasing: bytes[start + offset..<start + offset + JournalFormat.frameLength(payload.count)])
    frame.storeBytes(of: UInt32(payload.count).littleEndian, toByteOffset: 0, as: UInt32.self)
    frame.storeBytes(of: partition.number.littleEndian, toByteOffset: 4, as: UInt16.self)
    frame.storeBytes(of: UInt16(kind.rawValue).littleEndian, toByteOffset: 6, as: UInt16.self)
    frame.storeBytes(of: number.littleEndian, toByteOffset: 8, as: UInt64.self)
    let checksum = JournalFormat.checksum(
      generation: generation, offset: offset, head: UnsafeRawBufferPointer(rebasing: frame[..<16]),
      payload: payload)
    frame.storeBytes(of: checksum.littleEndian, toByteOffset: 16, as: UInt64.self)
    UnsafeMutableRawBufferPointer(rebasing: frame[JournalFormat.frameHead...]).copyMemory(from: payload)
    used += frame.count
    return FramePlace(place: UInt32(offset / 8), words: UInt32(frame.count / 8))
  }

  mutating func writeHold(
    _ partition: Partition, life: Incarnation, token: FencingToken, base: UInt64, wholeAt: UInt64?
  ) {
    var writer = CBORWriter(capacity: 48)
    writer.beginArray(3)
    life.encode(into: &writer)
    token.encode(into: &writer)
    if let wholeAt { writer.write(unsigned: wholeAt) } else { writer.writeNull() }
    _ = writer.bytes.withUnsafeBytes { write(.hold, partition, base, $0) }
  }

  /// What was written is there: one store, behind all others.
  func publish() {
    JournalFormat.barrier()
    let word = JournalFormat.word(UInt32(used / 8), JournalFormat.writtenSalt(generation))
    bytes.storeBytes(of: word.littleEndian, toByteOffset: start, as: UInt64.self)
    JournalFormat.barrier()
  }

  /// This half is the one in use.
  func use() {
    JournalFormat.barrier()
    let word = JournalFormat.word(generation, JournalFormat.generationSalt)
    bytes.storeBytes(of: word.littleEndian, toByteOffset: JournalFormat.generationPlace, as: UInt64.self)
    JournalFormat.barrier()
  }

  // MARK: What was written

  func payload(at place: FramePlace) -> UnsafeRawBufferPointer {
    let offset = start + Int(place.place) * 8
    let count = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    let first = offset + JournalFormat.frameHead
    return UnsafeRawBufferPointer(rebasing: bytes[first..<first + count])
  }

  static func mark(_ bytes: UnsafeMutableRawBufferPointer, isClean: Bool) {
    let word = isClean ? JournalFormat.clean : JournalFormat.dirty
    JournalFormat.barrier()
    bytes.storeBytes(of: word.littleEndian, toByteOffset: JournalFormat.markPlace, as: UInt64.self)
    JournalFormat.barrier()
  }

  static func note(_ bytes: UnsafeMutableRawBufferPointer, storedAt seconds: UInt32) {
    let word = JournalFormat.word(seconds, JournalFormat.storedAtSalt)
    bytes.storeBytes(of: word.littleEndian, toByteOffset: JournalFormat.storedAtPlace, as: UInt64.self)
  }

  /// The page that says whose journal it is.
  static func writeHead(_ bytes: UnsafeMutableRawBufferPointer, _ owner: JournalOwner, length: Int) {
    func store(_ word: UInt64, _ offset: Int) {
      bytes.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
    }
    func store(_ word: UInt32, _ offset: Int) {
      bytes.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt32.self)
    }
    let name = Array(owner.principal.text.utf8)
    store(JournalFormat.magic, 0)
    store(JournalFormat.version, JournalFormat.versionPlace)
    store(UInt32(length / JournalFormat.step), JournalFormat.halfPlace)
    store(owner.boot.high, JournalFormat.bootPlace)
    store(owner.boot.low, JournalFormat.bootPlace + 8)
    store(owner.life.number, JournalFormat.lifePlace)
    store(UInt32(name.count), JournalFormat.namePlace)
    let place = JournalFormat.namePlace + 4
    UnsafeMutableRawBufferPointer(rebasing: bytes[place..<place + name.count]).copyBytes(from: name)
    var checksum = JournalFormat.checksum
    checksum.add(UnsafeRawBufferPointer(rebasing: bytes[..<JournalFormat.checksumPlace]))
    store(checksum.value, JournalFormat.checksumPlace)
    store(JournalFormat.dirty, JournalFormat.markPlace)
  }
}
