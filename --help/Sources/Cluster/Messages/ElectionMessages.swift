import Wire

/// Candidate → drone: can you still reach the commander? If not, vote for me in this term.
public struct Candidacy: Hashable, Sendable {
  public let term: Term
  public init(term: Term) { self.term = term }
}

/// Drone → candidate. The drone stored its vote before it answered `voted`.
public struct CandidacyAnswer: Hashable, Sendable {
  public enum Choice: UInt64, Sendable {
    case voted = 1
    /// The drone hears the commander: no vote, and no veto.
    case stillReaches = 2
    /// The drone has promised this term, or a higher one, to somebody else.
    case promisedElsewhere = 3
  }

  public let term: Term
  public let choice: Choice
  /// The highest term that the drone has promised or seen.
  public let highest: Term

  public init(term: Term, choice: Choice, highest: Term) {
    self.term = term
    self.choice = choice
    self.highest = highest
  }
}

/// Candidate → authority: open a ballot for this term. Also commander → authority, for its own term: certify
/// the same key again.
public struct BallotRequest: Hashable, Sendable {
  public let term: Term
  /// PKCS#10, DER, signed by the fresh election key.
  public let certificateRequest: [UInt8]

  public init(term: Term, certificateRequest: [UInt8]) {
    self.term = term
    self.certificateRequest = certificateRequest
  }
}

/// Authority → drone: whom do you vote for in this term?
public struct VoteQuery: Hashable, Sendable {
  public let ballot: UInt64
  public let term: Term

  public init(ballot: UInt64, term: Term) {
    self.ballot = ballot
    self.term = term
  }
}

/// Drone → authority: the stored vote for that term; nil when there is none.
public struct Vote: Hashable, Sendable {
  public let ballot: UInt64
  public let term: Term
  public let candidate: Principal?

  public init(ballot: UInt64, term: Term, candidate: Principal?) {
    self.ballot = ballot
    self.term = term
    self.candidate = candidate
  }
}

/// Authority → candidate: no majority, or the term is taken. Back off at random and try a term above `highest`.
public struct BallotFailed: Hashable, Sendable {
  public let term: Term
  public let highest: Term
  /// A sentence for the log.
  public let reason: String

  public init(term: Term, highest: Term, reason: String) {
    self.term = term
    self.highest = highest
    self.reason = reason
  }
}

/// Authority → winner: the office is yours; or its certificate, renewed.
public struct Certified: Hashable, Sendable {
  public let term: Term
  public let certificate: [UInt8]
  public init(term: Term, certificate: [UInt8]) {
    self.term = term
    self.certificate = certificate
  }
}

/// Authority → database: store this as the highest term and close what belongs to a lower one.
public struct RaiseTerm: Hashable, Sendable {
  public let term: Term
  public init(term: Term) { self.term = term }
}

/// Database → authority: the term that is stored now (never lower than what was asked for).
public struct TermRaised: Hashable, Sendable {
  public let term: Term
  public init(term: Term) { self.term = term }
}

extension Candidacy: WireMessage {
  public func encode(into writer: inout CBORWriter) { term.encode(into: &writer) }
  public init(from reader: inout CBORReader) throws(CBORError) { self.init(term: try Term(from: &reader)) }
}

extension CandidacyAnswer: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    term.encode(into: &writer)
    writer.write(unsigned: choice.rawValue)
    highest.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    let term = try Term(from: &reader)
    let raw = try reader.readUnsigned()
    guard let choice = Choice(rawValue: raw) else { throw .unknownValue(field: "choice", value: raw) }
    self.init(term: term, choice: choice, highest: try Term(from: &reader))
  }
}

extension BallotRequest: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    term.encode(into: &writer)
    writer.write(bytes: certificateRequest)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(
      term: try Term(from: &reader),
      certificateRequest: try reader.readByteArray(maximum: ElectionVerifier.maximumCertificateLength))
  }
}

extension VoteQuery: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(unsigned: ballot)
    term.encode(into: &writer)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(ballot: try reader.readUnsigned(), term: try Term(from: &reader))
  }
}

extension Vote: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    writer.write(unsigned: ballot)
    term.encode(into: &writer)
    writer.write(optional: candidate)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      ballot: try reader.readUnsigned(), term: try Term(from: &reader),
      candidate: try reader.readOptional(Principal.self))
  }
}

extension BallotFailed: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    term.encode(into: &writer)
    highest.encode(into: &writer)
    writer.write(text: reason)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      term: try Term(from: &reader), highest: try Term(from: &reader), reason: try reader.readText())
  }
}

extension Certified: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    term.encode(into: &writer)
    writer.write(bytes: certificate)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(
      term: try Term(from: &reader),
      certificate: try reader.readByteArray(maximum: ElectionVerifier.maximumCertificateLength))
  }
}

extension RaiseTerm: WireMessage {
  public func encode(into writer: inout CBORWriter) { term.encode(into: &writer) }
  public init(from reader: inout CBORReader) throws(CBORError) { self.init(term: try Term(from: &reader)) }
}

extension TermRaised: WireMessage {
  public func encode(into writer: inout CBORWriter) { term.encode(into: &writer) }
  public init(from reader: inout CBORReader) throws(CBORError) { self.init(term: try Term(from: &reader)) }
}
