import Cluster
import Wire

/// What a journal says, found by somebody who believes nothing of it.
public struct JournalContents: Sendable {
  public let owner: JournalOwner
  /// Everything was stored, or is on the disk.
  public let isClean: Bool
  /// In order of partition.
  public let stands: [JournalStand]
}

/// What is known of a journal that is not complete.
public struct JournalLeftover: Sendable {
  public let owner: JournalOwner
  /// Seconds since 1970: what had been written by then is at the database. It may have been later.
  public let storedAt: UInt32?
}

/// Reads a journal's bytes: torn, cut, altered or foreign ones are an error, never a guess. What it keeps is never more
/// than a few times the bytes that it was given.
public struct JournalReader {
  private let bytes: UnsafeRawBufferPointer

  private struct Building {
    let life: Incarnation
    let token: FencingToken
    let base: UInt64
    var wholeAt: UInt64?
    var records: [LogRecord] = []
    var end: UInt64 { base + UInt64(records.count) }
    var isWhole: Bool { wholeAt.map { end >= $0 } ?? false }
  }

  /// - Parameters:
  ///   - principal: whose it is to be.
  ///   - boot: the system that runs now: one of another is complete only if it is clean.
  /// - Throws: `JournalError`.
  public static func read(
    _ bytes: UnsafeRawBufferPointer, principal: Principal, boot: JournalOwner.Boot
  ) throws(JournalError) -> JournalContents {
    let reader = JournalReader(bytes: bytes)
    let (owner, half) = try reader.head()
    guard owner.principal == principal else { throw .otherDrone(owner.principal.text) }
    let isClean = reader.word(JournalFormat.markPlace) == JournalFormat.clean
    guard owner.boot == boot || isClean else { throw .incomplete }
    return JournalContents(owner: owner, isClean: isClean, stands: try reader.stands(half))
  }

  /// The same, of a file that was read.
  public static func read(
    _ bytes: [UInt8], principal: Principal, boot: JournalOwner.Boot
  ) throws(JournalError) -> JournalContents {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(JournalError) in try read(bytes, principal: principal, boot: boot) }
    }
    return try result.get()
  }

  /// What can be said of a journal that is not believed: whose it was, if its head can be read.
  public static func leftover(_ bytes: [UInt8], principal: Principal) -> JournalLeftover? {
    bytes.withUnsafeBytes { bytes in
      let reader = JournalReader(bytes: bytes)
      guard let (owner, _) = try? reader.head(), owner.principal == principal else { return nil }
      let word = reader.word(JournalFormat.storedAtPlace)
      let stored = JournalFormat.number(in: word, JournalFormat.storedAtSalt)
      return JournalLeftover(owner: owner, storedAt: stored)
    }
  }

  private func word(_ offset: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  private func half(_ offset: Int) -> UInt32 {
    UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  private func part(_ offset: Int, _ count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  // MARK: The head

  /// - Returns: the owner, and the length of a half.
  private func head() throws(JournalError) -> (JournalOwner, Int) {
    guard bytes.count >= 16 else { throw .truncated(bytes: bytes.count) }
    // One that was made just before the machine lost its power may have nothing in it.
    guard word(0) != 0 else { throw .damaged(offset: 0) }
    guard word(0) == JournalFormat.magic else { throw .foreign }
    let version = half(JournalFormat.versionPlace)
    guard version == JournalFormat.version else { throw .newer(version: version) }
    guard bytes.count >= JournalFormat.headLength else { throw .truncated(bytes: bytes.count) }
    var checksum = JournalFormat.checksum
    checksum.add(part(0, JournalFormat.checksumPlace))
    guard checksum.value == word(JournalFormat.checksumPlace) else { throw .damaged(offset: 0) }
    let length = Int(half(JournalFormat.halfPlace)) * JournalFormat.step
    guard length > 0, bytes.count >= JournalFormat.headLength + 2 * length else {
      throw .truncated(bytes: bytes.count)
    }
    let name = Int(half(JournalFormat.namePlace))
    guard name <= Principal.maximumLength,
      let principal = try? Principal(
        String(decoding: part(JournalFormat.namePlace + 4, name), as: UTF8.self))
    else { throw .damaged(offset: JournalFormat.namePlace) }
    let boot = JournalOwner.Boot(
      high: word(JournalFormat.bootPlace), low: word(JournalFormat.bootPlace + 8))
    return (
      JournalOwner(principal: principal, life: Incarnation(word(JournalFormat.lifePlace)), boot: boot), length
    )
  }

  // MARK: The half in use

  private func stands(_ length: Int) throws(JournalError) -> [JournalStand] {
    guard
      let generation = JournalFormat.number(
        in: word(JournalFormat.generationPlace), JournalFormat.generationSalt)
    else { throw .damaged(offset: JournalFormat.generationPlace) }
    let start = JournalFormat.headLength + Int(generation % 2) * length
    guard let written = JournalFormat.number(in: word(start), JournalFormat.writtenSalt(generation)) else {
      throw .damaged(offset: start)
    }
    let end = Int(written) * 8
    guard end >= JournalFormat.halfHead, end <= length else { throw .damaged(offset: start) }
    var building = [Building?](repeating: nil, count: Partition.count)
    var offset = JournalFormat.halfHead
    while offset < end {
      offset = try readFrame(offset, of: start, end, generation, &building)
    }
    return Partition.all.compactMap { partition in
      guard let built = building[partition.index], built.isWhole else { return nil }
      return JournalStand(
        partition: partition, life: built.life, token: built.token, base: built.base, records: built.records)
    }
  }

  /// - Returns: where the next frame begins.
  private func readFrame(
    _ offset: Int, of start: Int, _ end: Int, _ generation: UInt32, _ building: inout [Building?]
  ) throws(JournalError) -> Int {
    let place = start + offset
    guard end - offset >= JournalFormat.frameHead else { throw .damaged(offset: place) }
    let count = Int(half(place))
    guard count <= end - offset - JournalFormat.frameHead else { throw .damaged(offset: place) }
    let payload = part(place + JournalFormat.frameHead, count)
    let checksum = JournalFormat.checksum(
      generation: generation, offset: offset, head: part(place, 16), payload: payload)
    guard checksum == word(place + 16), bytes[place + 7] == 0,
      let kind = JournalFormat.Kind(rawValue: bytes[place + 6]),
      let partition = Partition(UInt16(truncatingIfNeeded: half(place + 4)))
    else { throw .damaged(offset: place) }
    let number = word(place + 8)
    do {
      guard number <= UInt64(Int64.max) else { throw JournalError.damaged(offset: place) }
      try apply(kind, number, payload, to: &building[partition.index])
    } catch {
      throw .damaged(offset: place)
    }
    return offset + JournalFormat.frameLength(count)
  }

  private func apply(
    _ kind: JournalFormat.Kind, _ number: UInt64, _ payload: UnsafeRawBufferPointer,
    to building: inout Building?
  ) throws {
    var reader = CBORReader(payload)
    switch kind {
    case .hold:
      try reader.readArrayHeader(exactly: 3)
      building = Building(
        life: try Incarnation(from: &reader), token: try FencingToken(from: &reader), base: number,
        wholeAt: try reader.readNull() ? nil : try reader.readUnsigned())
    case .record:
      guard let end = building?.end, number == end + 1 else { throw JournalError.damaged(offset: 0) }
      building?.records.append(try LogRecord(from: &reader))
    case .whole:
      guard building != nil else { throw JournalError.damaged(offset: 0) }
      building?.wholeAt = number
    case .release: building = nil
    }
    guard reader.isAtEnd else { throw JournalError.damaged(offset: 0) }
  }
}
