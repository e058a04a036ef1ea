import Cluster
import Wire

/// What a drone keeps durably. It promises to have voted for this candidate in this term, and to refuse
/// whatever comes from a lower one.
public struct VotePromise: Hashable, Sendable {
  public let term: Term
  /// Nil when nothing was ever promised.
  public let candidate: Principal?

  public init(term: Term, candidate: Principal?) {
    self.term = term
    self.candidate = candidate
  }

  public static let none = VotePromise(term: .none, candidate: nil)
}

extension VotePromise: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    term.encode(into: &writer)
    writer.write(optional: candidate)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let offset = reader.offset
    let count = try reader.readArrayHeader(maximum: 3)
    guard count >= 2 else { throw .outOfRange(field: "a promise", offset: offset) }
    self.init(term: try Term(from: &reader), candidate: try reader.readOptional(Principal.self))
    // Until ballots were held by every list that a commander may count, a drone kept here since when it had a
    // vote. Now it always has one.
    if count == 3 { _ = try reader.readOptional(Term.self) }
  }
}
