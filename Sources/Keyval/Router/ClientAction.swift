import Cluster

/// What the client's router wants done, in this order.
package enum ClientAction: Hashable, Sendable {
  /// Open a session with exactly this principal at this address; answer with `linkOpened` or `linkFailed`.
  case open(LinkID, Principal, Endpoint)
  /// Close it, or give up opening it. Nothing of it is listened to any more.
  case close(LinkID)
  /// Gather one request for that session. All that is gathered leaves together.
  case send(LinkID, number: UInt64, ClientMessage)
  case complete(id: UInt64, ClientReply)
  case fail(id: UInt64, KeyvalError)
  /// Deliver `ticked` at this moment, in place of the one asked for before.
  case wake(Instant)
}

/// A request as it is sent.
package enum ClientMessage: Hashable, Sendable {
  case introduce(ClientIncarnation)
  case get(key: [UInt8])
  case put(write: UInt64, retry: Bool, key: [UInt8], value: [UInt8])
  case delete(write: UInt64, retry: Bool, key: [UInt8])
  case topology
  case status
}

/// What a caller gets.
package enum ClientReply: Hashable, Sendable {
  /// Nil: there is no such key.
  case value([UInt8]?)
  /// A write is done; whether the key had a value before.
  case existed(Bool)
  case location(Location)
  case status(ClusterStatus)
}
