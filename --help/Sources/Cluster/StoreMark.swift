import Wire

/// By what a database's store is known again: 128 random bits, drawn when it was created. A copy of its file has it too.
public struct StoreIdentity: Hashable, Sendable, CustomStringConvertible {
  public static let length = 16
  public let high: UInt64
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  public var bytes: [UInt8] {
    [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) } }
  }

  public init?(bytes: [UInt8]) {
    guard bytes.count == Self.length else { return nil }
    func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(high: word(bytes[..<8]), low: word(bytes[8...]))
  }

  /// 32 hexadecimal digits.
  public var description: String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  /// - Parameter text: as `description` has it.
  public init?(_ text: String) {
    guard text.utf8.count == 2 * Self.length else { return nil }
    var bytes: [UInt8] = []
    var rest = text[...]
    while !rest.isEmpty {
      let pair = rest.prefix(2)
      guard pair.allSatisfy(\.isHexDigit), let byte = UInt8(pair, radix: 16) else { return nil }
      bytes.append(byte)
      rest = rest.dropFirst(2)
    }
    self.init(bytes: bytes)
  }
}

/// Which store this is, and how far it has come.
public struct StoreMark: Hashable, Sendable, CustomStringConvertible {
  public let identity: StoreIdentity
  /// How many transactions have changed it since it was created.
  public let commit: UInt64

  public init(identity: StoreIdentity, commit: UInt64) {
    self.identity = identity
    self.commit = commit
  }

  public var description: String { "store \(identity) at commit \(commit)" }
}

/// What the authority remembers of a database's store.
public struct KnownStore: Hashable, Sendable {
  public let mark: StoreMark
  /// When the database was there first: seconds since 1970, by the authority's clock.
  public let seenAt: Int64

  public init(mark: StoreMark, seenAt: Int64) {
    self.mark = mark
    self.seenAt = seenAt
  }

  /// Whether what a database shows is this store, with everything that it was known to have.
  public func isContinued(by mark: StoreMark) -> Bool {
    mark.identity == self.mark.identity && mark.commit >= self.mark.commit
  }
}

/// What the register says of a store that a database has shown.
public enum StoreJudgement: Hashable, Sendable {
  /// It is the one that is known, or the first; it is what is known from now on.
  case accepted(KnownStore)
  /// It is new, foreign or behind the one that is known.
  case held(known: KnownStore)

  public init(of mark: StoreMark, known: KnownStore?, now: Int64) {
    if let known, !known.isContinued(by: mark) {
      self = .held(known: known)
    } else {
      self = .accepted(KnownStore(mark: mark, seenAt: now))
    }
  }

  public var known: KnownStore {
    switch self {
    case .accepted(let known), .held(let known): known
    }
  }
}

extension StoreMark: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(bytes: identity.bytes)
    writer.write(unsigned: commit)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    let offset = reader.offset
    guard let identity = StoreIdentity(bytes: try reader.readByteArray(maximum: StoreIdentity.length)) else {
      throw .outOfRange(field: "the length of a store's identity", offset: offset)
    }
    self.init(identity: identity, commit: try reader.readUnsigned())
  }
}

extension KnownStore: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    mark.encode(into: &writer)
    writer.write(integer: seenAt)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(mark: try StoreMark(from: &reader), seenAt: try reader.readInteger())
  }
}
