import Cluster

/// A session of the client with a drone, or the attempt to open one. Never used twice.
package struct LinkID: Hashable, Comparable, Sendable {
  package let number: UInt64
  package init(_ number: UInt64) { self.number = number }
  package static func < (left: LinkID, right: LinkID) -> Bool { left.number < right.number }
}

/// What a caller wants.
package enum ClientOperation: Hashable, Sendable {
  case read(ReadKind, key: [UInt8])
  /// `level`: what has to be true before it is done; nil: what the cluster's configuration says. `expected`: nil where
  /// the key shall have no value, `value` where nothing is to be stored.
  case write(
    WriteKind, key: [UInt8], expected: [UInt8]? = nil, value: [UInt8]? = nil,
    level: AcknowledgementLevel? = nil)
  case locate(key: [UInt8])
  case status
  case administer(AdministratorOrder, name: String)
  /// Asked of the drone of that name, be there a commander or not.
  case sessions(SessionOrder, drone: String)
  /// Which there are, by the map.
  case drones
}

extension ClientOperation {
  package static func get(key: [UInt8]) -> ClientOperation { .read(.get, key: key) }

  package static func put(
    key: [UInt8], value: [UInt8], level: AcknowledgementLevel? = nil
  ) -> ClientOperation {
    .write(.put, key: key, value: value, level: level)
  }

  package static func delete(key: [UInt8], level: AcknowledgementLevel? = nil) -> ClientOperation {
    .write(.delete, key: key, level: level)
  }

  package static func compareAndPut(
    key: [UInt8], expected: [UInt8]?, value: [UInt8], level: AcknowledgementLevel? = nil
  ) -> ClientOperation {
    .write(.compareAndPut, key: key, expected: expected, value: value, level: level)
  }
}

/// What happened to the client's router.
package enum ClientEvent: Sendable {
  /// A caller wants something. `id` is above 0 and never used twice; it is the number on the wire.
  case requested(id: UInt64, ClientOperation, deadline: Instant)
  /// The caller no longer waits. A write that is under way may still be executed.
  case cancelled(id: UInt64)
  /// `expiry`: when the ticket ends, seconds since 1970. `client`: whose ticket it is.
  case linkOpened(LinkID, expiry: Int64, client: String? = nil)
  case linkFailed(LinkID, LinkFailure)
  /// A link that was open has ended. The reason is a sentence.
  case linkClosed(LinkID, reason: String)
  /// The session ends soon, or should be replaced for fresh keys.
  case linkExpiring(LinkID)
  case answered(LinkID, ClientAnswer)
  /// The moment of `wake` has come.
  case ticked
  /// The client's owner closes it.
  case closed
}

/// Why a link did not come about.
package enum LinkFailure: Hashable, Sendable {
  /// Try again, there or elsewhere.
  case unreachable(String)
  /// The node refuses, and would again.
  case refused(String)
  /// The caller's ticket: no node would take it.
  case credential(KeyvalError)
}

/// A `DataAnswer` with a value of its own.
package enum ClientAnswer: Hashable, Sendable {
  case value(number: UInt64, [UInt8])
  case notFound(number: UInt64)
  case done(number: UInt64, Outcome)
  case moved(number: UInt64, term: Term, version: UInt64)
  case unavailable(number: UInt64, DataAnswer.Unavailability)
  case failed(number: UInt64, DataAnswer.Failure)
  case outcomeUnknown(number: UInt64)
  case topology(number: UInt64, SignedSlotMap)
  case status(number: UInt64, ClusterStatus)
  case administered(number: UInt64, AdministratorReply)
  case sessions(number: UInt64, SessionPage)
  case limited(number: UInt64, wait: UInt64)
  case versioned(number: UInt64, VersionedValue)

  package init(_ answer: DataAnswer) {
    switch answer {
    case .value(let number, let value): self = .value(number: number, [UInt8](value))
    case .notFound(let number): self = .notFound(number: number)
    case .done(let number, let outcome): self = .done(number: number, outcome)
    case .moved(let number, let term, let version):
      self = .moved(number: number, term: term, version: version)
    case .unavailable(let number, let reason): self = .unavailable(number: number, reason)
    case .failed(let number, let failure): self = .failed(number: number, failure)
    case .outcomeUnknown(let number): self = .outcomeUnknown(number: number)
    case .topology(let number, let map): self = .topology(number: number, map)
    case .status(let number, let status): self = .status(number: number, status)
    case .administered(let number, let reply): self = .administered(number: number, reply)
    case .sessions(let number, let page): self = .sessions(number: number, page)
    case .limited(let number, let wait): self = .limited(number: number, wait: wait)
    case .versioned(let number, let value, let version):
      self = .versioned(number: number, VersionedValue(value: [UInt8](value), version: version))
    }
  }

  package var number: UInt64 {
    switch self {
    case .value(let number, _), .notFound(let number), .done(let number, _), .moved(let number, _, _),
      .unavailable(let number, _), .failed(let number, _), .outcomeUnknown(let number),
      .topology(let number, _), .status(let number, _), .administered(let number, _),
      .sessions(let number, _), .limited(let number, _), .versioned(let number, _):
      number
    }
  }
}
