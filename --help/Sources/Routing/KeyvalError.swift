import Wire

/// Why an operation did not succeed: whose fault it is, and what to do. Carries no key, value or ticket.
public enum KeyvalError: Error, Hashable, Sendable, CustomStringConvertible {
  // The caller's ticket
  /// There is no ticket. `realm` is what the node says its realm is: a hint for a person.
  case noTicket(realm: String)
  /// The ticket's life is over.
  case ticketExpired(realm: String)
  /// The credential cache has become another principal's than the client is. Sessions that are open are the first one's
  /// still; no further one is opened until the cache is the first one's again.
  case otherPrincipal(client: String, now: String, cache: String)
  /// Kerberos refuses the caller's credential or configuration; the sentence says why.
  case credential(String)

  // The caller's input
  case keyEmpty
  /// Bytes of the key, and how many it may have.
  case keyTooLong(length: Int, limit: Int)
  /// Bytes of the value, and how many it may have.
  case valueTooLong(length: Int, limit: Int)
  /// The configuration cannot be used; the sentence names the file or field and the remedy.
  case badConfiguration(String)

  // The cluster
  /// No node that gives a current slot map could be reached before the deadline.
  case noReachableNode(tried: [String], problem: String)
  /// The deadline is over. With `outcomeUnknown` the write may still have been, or may yet be, executed.
  case deadlineExceeded(outcomeUnknown: Bool, problem: String?)
  /// Whether an earlier attempt of this write was executed can no longer be known.
  case outcomeUnknown
  /// The cluster's access list denies it. Nothing is said of whether the key is there.
  case notPermitted(principal: String, operation: String)
  /// Neither the slot map nor the configuration names a drone of this name.
  case noSuchDrone(String)
  /// The drone that has the key has reached its memory ceiling: nothing was stored.
  case memoryFull(drone: String)
  /// The access list limits the keys or bytes under the key's prefix, and there are so many: nothing was stored.
  case quotaReached(principal: String, drone: String)
  /// The access list limits the requests of this principal, and their turn would come after the deadline only.
  case tooManyRequests(principal: String, drone: String)
  /// A node refuses, and would refuse again.
  case refused(by: String, reason: String)
  /// What a node gave as the slot map is not believed.
  case mapRefused(from: String, reason: String)

  /// The client was closed, by its owner.
  case closed

  public var description: String {
    switch self {
    case .noTicket(let realm):
      "there is no Kerberos ticket for the realm \(realm); type: \(Self.kinit(realm))"
    case .ticketExpired(let realm): "the Kerberos ticket has expired; type: \(Self.kinit(realm))"
    case .otherPrincipal(let client, let now, let cache):
      "this client is \(client), and the credential cache \(cache) is now \(now)'s; to go on type: kinit \(client), and to "
        + "be \(now) start anew"
    case .credential(let sentence): sentence
    case .keyEmpty: "a key has at least one byte"
    case .keyTooLong(let length, let limit): "the key has \(length) bytes; at most \(limit) are allowed"
    case .valueTooLong(let length, let limit): "the value has \(length) bytes; at most \(limit) are allowed"
    case .badConfiguration(let sentence): sentence
    case .noReachableNode(let tried, let problem):
      "no node of the cluster answers (tried \(tried.joined(separator: ", "))): \(problem); "
        + "check that the cluster runs, and that these are addresses of its nodes"
    case .deadlineExceeded(let outcomeUnknown, let problem):
      "the cluster did not answer in time" + (problem.map { " (\($0))" } ?? "")
        + (outcomeUnknown ? "; the write may or may not have been executed: read the key" : "; try again")
    case .outcomeUnknown:
      "whether the write was executed can no longer be known: read the key, then decide"
    case .notPermitted(let principal, let operation):
      "the access list gives \(principal) no right to \(operation); ask who keeps the cluster's access list, the "
        + "file that ‘access’ names in the authority's configuration"
    case .noSuchDrone(let name): "the cluster has no drone \(name); keyval status names those that there are"
    case .memoryFull(let drone):
      "\(drone) has reached its memory ceiling and takes no put, and nothing was stored; reads and deletes go on: delete "
        + "what is not needed, or ask who runs the cluster to add a drone or to raise ‘memory’ in \(drone)'s "
        + "configuration"
    case .quotaReached(let principal, let drone):
      "\(drone) has as many keys or bytes under this key's prefix as the access list lets \(principal) put there, and "
        + "nothing was stored; delete what is not needed, or ask who keeps that list for more"
    case .tooManyRequests(let principal, let drone):
      "\(principal) makes more requests at \(drone) than the access list lets it; ask less often, or ask who keeps that list "
        + "for more"
    case .refused(let node, let reason): "\(node) refuses: \(reason)"
    case .mapRefused(let node, let reason): "the slot map that \(node) gave is not believed: \(reason)"
    case .closed: "the client was closed"
    }
  }

  /// What a person types to get a ticket, where that is the remedy.
  public var kinitLine: String? {
    switch self {
    case .noTicket(let realm), .ticketExpired(let realm): Self.kinit(realm)
    case .otherPrincipal(let client, _, _): "kinit \(client)"
    default: nil
    }
  }

  private static func kinit(_ realm: String) -> String { "kinit NAME@\(realm)" }
}
