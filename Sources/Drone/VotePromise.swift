import Cluster
import Wire

/// What a drone keeps durably. It promises to have voted for this candidate in this term, and to refuse
/// whatever comes from a lower one.
public struct VotePromise: Hashable, Sendable {
  public let term: Term
  /// Nil when nothing was ever promised.
  public let candidate: Principal?
  /// The register's term when this drone first saw itself in the register: commanders of higher terms count it
  /// among their drones. Nil until then.
  public let joined: Term?

  public init(term: Term, candidate: Principal?, joined: Term? = nil) {
    self.term = term
    self.candidate = candidate
    self.joined = joined
  }

  func joining(_ term: Term) -> VotePromise {
    VotePromise(term: self.term, candidate: candidate, joined: term)
  }

  public static let none = VotePromise(term: .none, candidate: nil)
}

extension VotePromise: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(3)
    term.encode(into: &writer)
    writer.write(optional: candidate)
    writer.write(optional: joined)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 3)
    self.init(
      term: try Term(from: &reader), candidate: try reader.readOptional(Principal.self),
      joined: try reader.readOptional(Term.self))
  }
}
