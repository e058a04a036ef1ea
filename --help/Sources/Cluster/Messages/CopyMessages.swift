import Wire

/// Drone → commander: these partitions could not be opened under a grant.
public struct OpenFailed: Hashable, Sendable {
  public let term: Term
  public let token: FencingToken
  public let partitions: PartitionSet
  public let refusal: OpenRefusal

  public init(term: Term, token: FencingToken, partitions: PartitionSet, refusal: OpenRefusal) {
    self.term = term
    self.token = token
    self.partitions = partitions
    self.refusal = refusal
  }
}

/// Commander → drone: copies of these are of no use any more: others serve under higher tokens.
public struct ForgetCopies: Hashable, Sendable {
  public let term: Term
  public let copies: [Holding]

  public init(term: Term, copies: [Holding]) {
    self.term = term
    self.copies = copies
  }
}

/// Drone → commander: this drone, or a client of it, does not reach that drone.
public struct Unreachable: Hashable, Sendable {
  public let term: Term
  public let principal: Principal

  public init(term: Term, principal: Principal) {
    self.term = term
    self.principal = principal
  }
}

extension OpenFailed: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(4)
    term.encode(into: &writer)
    token.encode(into: &writer)
    partitions.encode(into: &writer)
    refusal.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 4)
    self.init(
      term: try Term(from: &reader), token: try FencingToken(from: &reader),
      partitions: try PartitionSet(from: &reader), refusal: try OpenRefusal(from: &reader))
  }
}

extension ForgetCopies: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    term.encode(into: &writer)
    writer.write(copies)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(
      term: try Term(from: &reader), copies: try reader.readMessages(Holding.self, maximum: Partition.count))
  }
}

extension Unreachable: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    term.encode(into: &writer)
    principal.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(term: try Term(from: &reader), principal: try Principal(from: &reader))
  }
}
