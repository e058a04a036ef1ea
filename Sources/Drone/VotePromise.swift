import Cluster
import Wire

/// What a drone has promised durably: to have voted for this candidate in this term, and to refuse whatever
/// comes from a lower one.
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
    try reader.readArrayHeader(exactly: 2)
    self.init(term: try Term(from: &reader), candidate: try reader.readOptional(Principal.self))
  }
}
