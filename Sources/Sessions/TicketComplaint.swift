/// What a peer is told of a ticket that was not accepted: only what it could find out by itself, and what it can do.
///
/// Nobody has authenticated it. Where the acceptor's keytab lies, which versions of the key are in it and what
/// Kerberos says in its own words is for the acceptor's log alone.
public enum TicketComplaint: Equatable, Sendable {
  case expired
  case notYetValid
  /// The two clocks differ by more than the realm allows.
  case clocksDiffer
  /// The very same request came before.
  case seenBefore
  /// Anything else: another key, another realm, bytes that are no token.
  case notAccepted

  /// - Parameters:
  ///   - service: the principal that was dialled.
  ///   - realm: of the acceptor, as its hello says to everybody.
  func sentence(service: String, realm: String) -> String {
    switch self {
    case .expired, .notYetValid:
      "the ticket that was presented for \(service) \(self == .expired ? "has expired" : "is not valid yet"). A person "
        + "gets a new one from the KDC of realm \(realm) by kinit, a node by its keytab; where the ticket looks valid "
        + "to the client, compare the two machines' clocks"
    case .clocksDiffer:
      "the clocks of the client and of \(service) differ by more than the realm \(realm) allows; set them by NTP"
    case .seenBefore:
      "the request to \(service) was seen before; an honest client makes a new one each time"
    case .notAccepted:
      "the ticket or its request was not accepted for \(service). Get a new ticket from the KDC of realm \(realm) "
        + "(kinit; a node does so by itself); if that does not help, the log of that node has the reason"
    }
  }
}
