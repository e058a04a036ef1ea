import Wire

/// The number of an election; at most one commander is ever certified in it. Zero: none was.
public struct Term: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let number: UInt64

  public init(_ number: UInt64) { self.number = number }

  public static let none = Term(0)
  /// The term after this one; the last one there is has no next.
  public var next: Term { Term(number == .max ? .max : number + 1) }
  public var description: String { String(number) }
  public static func < (left: Term, right: Term) -> Bool { left.number < right.number }
}

/// Orders the owners a partition has had: (term, counter). Commanders of different terms never mint the same,
/// and one commander counts up.
public struct FencingToken: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let term: Term
  public let counter: UInt64

  public init(term: Term, counter: UInt64) {
    self.term = term
    self.counter = counter
  }

  /// Below every token that was ever minted.
  public static let none = FencingToken(term: .none, counter: 0)
  public var description: String { "\(term).\(counter)" }
  public static func < (left: FencingToken, right: FencingToken) -> Bool {
    (left.term, left.counter) < (right.term, right.counter)
  }
}

/// One life of a process: 64 random bits drawn at its start. A restarted process is another one.
public struct Incarnation: Hashable, Sendable, CustomStringConvertible {
  public let number: UInt64
  public init(_ number: UInt64) { self.number = number }
  public var description: String { String(number, radix: 16) }
}

/// The version of a value: it never repeats, not after a delete, not after failover. Ordered within a partition.
public struct Version: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let fence: FencingToken
  /// Position in the partition's sequence of writes; the first is 1, and numbering goes on under a new fence.
  public let sequence: UInt64

  public init(fence: FencingToken, sequence: UInt64) {
    self.fence = fence
    self.sequence = sequence
  }

  public var description: String { "\(fence).\(sequence)" }
  public static func < (left: Version, right: Version) -> Bool {
    (left.fence, left.sequence) < (right.fence, right.sequence)
  }
}

extension Term: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(unsigned: number) }
  public init(from reader: inout CBORReader) throws(CBORError) { self.init(try reader.readUnsigned()) }
}

extension Incarnation: WireMessage {
  public func encode(into writer: inout CBORWriter) { writer.write(unsigned: number) }
  public init(from reader: inout CBORReader) throws(CBORError) { self.init(try reader.readUnsigned()) }
}

extension FencingToken: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    term.encode(into: &writer)
    writer.write(unsigned: counter)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(term: try Term(from: &reader), counter: try reader.readUnsigned())
  }
}

extension Version {
  func encode(into writer: inout CBORCursor) {
    writer.beginArray(3)
    writer.write(unsigned: fence.term.number)
    writer.write(unsigned: fence.counter)
    writer.write(unsigned: sequence)
  }
}

extension Version: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    writer.write(unsigned: fence.term.number)
    writer.write(unsigned: fence.counter)
    writer.write(unsigned: sequence)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    let fence = FencingToken(term: try Term(from: &reader), counter: try reader.readUnsigned())
    self.init(fence: fence, sequence: try reader.readUnsigned())
  }
}
