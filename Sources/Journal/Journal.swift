import Cluster
import Wire

/// The records that the database may lack, of all partitions that a data loop owns or has copies of, in memory that
/// outlives the process. Written with plain stores: no call of the system, and nothing is waited for.
///
/// What it says of a partition is there when the call returns, so whatever is said to anybody comes after it.
public final class Journal {
  public struct Bounds: Hashable, Sendable {
    /// Bytes of a half to begin with, and at most.
    public let half: Int
    public let longest: Int

    public init(half: Int = 4 << 20, longest: Int = 256 << 20) {
      self.half = Self.rounded(max(half, Journal.reserve + (32 << 10)))
      self.longest = max(self.half, Self.rounded(min(longest, 8 << 30)))
    }

    static func rounded(_ count: Int) -> Int {
      (count + JournalFormat.step - 1) / JournalFormat.step * JournalFormat.step
    }
  }

  /// What is said of a partition, and where its records are in the half in use.
  private struct Held {
    let life: Incarnation
    let token: FencingToken
    var base: UInt64
    var wholeAt: UInt64?
    /// Those before `head` are void.
    var places: [FramePlace] = []
    var head = 0
    var count: Int { places.count - head }
    var end: UInt64 { base + UInt64(count) }
  }

  /// Of each half, for what is said of partitions besides their records: all of it, twice.
  static let reserve = 2 * Partition.count * 96
  /// Of a frame that says something of a partition.
  private static let saying = 64
  /// Records of a partition for whose places memory is kept while there are none.
  private static let keptPlaces = 64

  private let memory: any JournalMemory
  private let owner: JournalOwner
  private let bounds: Bounds
  /// The one in use.
  private var half: JournalHalf
  private var held: [Held?]
  /// Bytes of frames of records that are still needed.
  private var live: Int
  private var scratch = CBORWriter()
  /// Asks that are still to come before more room is looked for again: the disk was full.
  private var patience = 0
  private static let pause = 4096
  var moments = JournalMoments()

  /// Begins a journal.
  /// - Parameters:
  ///   - stands: what earlier lives have left, of this journal's partitions, and nobody has taken over yet.
  /// - Returns: nil where the memory has no room for it.
  public init?(
    in memory: any JournalMemory, owner: JournalOwner, bounds: Bounds = Bounds(), stands: [JournalStand] = []
  ) {
    self.memory = memory
    self.owner = owner
    self.bounds = bounds
    let records = stands.map { stand in stand.records.map { $0.encoded() } }
    let needed = records.joined().reduce(0) { $0 + JournalFormat.frameLength($1.count) }
    var length = bounds.half
    while !Self.isRoomy(length, for: needed), length < bounds.longest {
      length = min(length * 2, bounds.longest)
    }
    // What is there must not be lost because there is much of it.
    if !Self.isRoomy(length, for: needed) { length = Bounds.rounded(needed * 2 + Self.reserve) }
    var half: JournalHalf?
    var held = [Held?](repeating: nil, count: Partition.count)
    let isThere = memory.replace(count: JournalFormat.headLength + 2 * length) { bytes in
      JournalHalf.writeHead(bytes, owner, length: length)
      var next = JournalHalf(0, of: bytes, length: length)
      for (stand, records) in zip(stands, records) {
        var own = Held(life: stand.life, token: stand.token, base: stand.base, wholeAt: stand.base)
        next.writeHold(
          stand.partition, life: own.life, token: own.token, base: own.base, wholeAt: own.wholeAt)
        for record in records {
          let place = record.withUnsafeBytes { next.write(.record, stand.partition, own.end + 1, $0) }
          own.places.append(place)
        }
        held[stand.partition.index] = own
      }
      next.publish()
      next.use()
      half = next
    }
    guard isThere, let half else { return nil }
    self.half = half
    self.held = held
    live = needed
  }

  // MARK: What is said of a partition

  /// From now on this process stands for a partition under a token, from a record on. What was said of it before is void.
  /// - Parameter wholeAt: nil while a copy is being filled.
  public func hold(
    _ partition: Partition, life: Incarnation, token: FencingToken, base: UInt64, wholeAt: UInt64?
  ) {
    forget(partition)
    makeRoomForSaying()
    held[partition.index] = Held(life: life, token: token, base: base, wholeAt: wholeAt)
    half.writeHold(partition, life: life, token: token, base: base, wholeAt: wholeAt)
    publish()
  }

  /// A copy has everything that it is to begin with.
  public func whole(_ partition: Partition, at sequence: UInt64) {
    guard held[partition.index] != nil else { return }
    makeRoomForSaying()
    held[partition.index]?.wholeAt = sequence
    _ = half.write(.whole, partition, sequence)
    publish()
  }

  /// Nothing is stood for any more.
  public func release(_ partition: Partition) {
    guard held[partition.index] != nil else { return }
    forget(partition)
    makeRoomForSaying()
    _ = half.write(.release, partition, 0)
    publish()
  }

  /// The next record of a partition. Room for it has been asked for (`reserve`).
  public func append(_ record: LogRecord, to partition: Partition, _ sequence: UInt64) {
    scratch.removeAll()
    record.encode(into: &scratch)
    scratch.bytes.withUnsafeBytes { append($0, to: partition, sequence) }
  }

  /// The same, of a record as it is encoded.
  public func append(_ record: UnsafeRawBufferPointer, to partition: Partition, _ sequence: UInt64) {
    guard let end = held[partition.index]?.end else { return }
    // Whoever has a gap stands for nothing. Nor does he who has no room, but that was asked for.
    guard sequence == end + 1, reserve(record.count) else { return release(partition) }
    let place = half.write(.record, partition, sequence, record)
    publish()
    held[partition.index]?.places.append(place)
    live += JournalFormat.frameLength(record.count)
  }

  /// The database has the records up to this one.
  public func stored(_ partition: Partition, through sequence: UInt64) {
    guard let own = held[partition.index], sequence > own.base else { return }
    let dropped = min(own.count, Int(clamping: sequence - own.base))
    guard dropped > 0 else { return }
    for place in own.places[own.head..<own.head + dropped] { live -= place.length }
    held[partition.index]?.head += dropped
    held[partition.index]?.base += UInt64(dropped)
    if dropped == own.count, own.places.capacity > Self.keptPlaces {
      held[partition.index]?.places = []
      held[partition.index]?.head = 0
      return
    }
    guard own.head + dropped >= 64, (own.head + dropped) * 2 >= own.places.count else { return }
    held[partition.index]?.places.removeFirst(own.head + dropped)
    held[partition.index]?.head = 0
  }

  /// Frames that were written: by this count others see that something was.
  public private(set) var changes: UInt64 = 0
  private var isClean = false

  private func publish() {
    changes += 1
    // Before the frame is there, as far as the disk keeps to any order.
    if isClean {
      mark(isClean: false)
      noteStored(moments.last)
    }
    half.publish()
  }

  /// A heartbeat has passed.
  /// - Parameter seconds: since 1970.
  public func tick(seconds: UInt32) {
    // A clock that was set back: the moments of before say nothing of those that come.
    if let last = moments.last, seconds < last {
      moments = JournalMoments()
      JournalHalf.note(memory.bytes, storedAt: 0)
    }
    moments.last = seconds
    // A clean one says that nothing lacks; and an idle drone writes nothing.
    guard !isClean else { return }
    noteStored(moments.tick(seconds, base: { held[$0]?.base }, ends: { held[$0]?.end }))
  }

  private func noteStored(_ seconds: UInt32?) {
    guard let seconds else { return }
    moments.stored = seconds
    JournalHalf.note(memory.bytes, storedAt: seconds)
  }

  /// Whether all of it is on the disk, so that it is complete whatever becomes of the machine.
  func mark(isClean: Bool) {
    self.isClean = isClean
    JournalHalf.mark(memory.bytes, isClean: isClean)
  }

  private func forget(_ partition: Partition) {
    guard let own = held[partition.index] else { return }
    for place in own.places[own.head...] { live -= place.length }
    held[partition.index] = nil
    moments.forget(partition)
  }

  /// Whether it has no record that the database may lack.
  public var isEmpty: Bool { live == 0 }

  // MARK: Room

  /// Makes room for a record of so many bytes, or for several that together have so many.
  /// - Returns: false where there is none: whoever writes has to wait.
  public func reserve(_ count: Int, records: Int = 1) -> Bool {
    // Each is rounded up by itself.
    let length = JournalFormat.frameLength(count) + (records - 1) * (JournalFormat.frameHead + 8)
    if half.used + length <= half.length - Self.reserve { return true }
    // Where half of it is needed it is better to have more than to turn again and again.
    if live > half.length / 2, grow(for: live + length) { return true }
    if Self.isRoomy(half.length, for: live + length) {
      turn()
      return half.used + length <= half.length - Self.reserve
    }
    return grow(for: live + length)
  }

  /// A quarter stays free, so that what is needed is not copied again and again for little.
  private static func isRoomy(_ half: Int, for length: Int) -> Bool { length <= (half - reserve) / 4 * 3 }

  private func makeRoomForSaying() {
    if !half.fits(Self.saying) { turn() }
  }

  /// Writes what is needed to the other half, and goes on there.
  private func turn() {
    let next = written(to: JournalHalf(half.generation &+ 1, of: memory.bytes, length: half.length))
    next.half.publish()
    next.half.use()
    (half, held) = next
  }

  private func grow(for needed: Int) -> Bool {
    guard patience == 0 else {
      patience -= 1
      return false
    }
    var length = half.length
    repeat {
      length = min(length * 2, bounds.longest)
    } while length < bounds.longest
      && !Self.isRoomy(length, for: needed)
    guard length > half.length, Self.isRoomy(length, for: needed) else { return false }
    var next: (half: JournalHalf, held: [Held?])?
    let isDone = memory.replace(count: JournalFormat.headLength + 2 * length) { bytes in
      JournalHalf.writeHead(bytes, owner, length: length)
      let filled = written(to: JournalHalf(0, of: bytes, length: length))
      filled.half.publish()
      filled.half.use()
      next = filled
    }
    guard isDone, let next else {
      patience = Self.pause
      return false
    }
    noteStored(moments.stored)
    (half, held) = next
    return true
  }

  /// All that is needed of the half in use.
  private func written(to other: JournalHalf) -> (half: JournalHalf, held: [Held?]) {
    var (next, copies) = (other, held)
    for partition in Partition.all {
      guard let own = held[partition.index] else { continue }
      next.writeHold(partition, life: own.life, token: own.token, base: own.base, wholeAt: own.wholeAt)
      var number = own.base
      let places = own.places[own.head...].map { place in
        number += 1
        return next.write(.record, partition, number, half.payload(at: place))
      }
      copies[partition.index]?.places = places
      copies[partition.index]?.head = 0
    }
    return (next, copies)
  }
}
