import Cluster
import Wire

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
  case put(
    write: UInt64, retry: Bool, level: AcknowledgementLevel? = nil, key: [UInt8], value: [UInt8])
  case compareAndPut(
    write: UInt64, retry: Bool, level: AcknowledgementLevel? = nil, key: [UInt8], expected: [UInt8]?,
    value: [UInt8])
  case delete(write: UInt64, retry: Bool, level: AcknowledgementLevel? = nil, key: [UInt8])
  case topology
  case unreachable(Principal)
  case status
  case administer(AdministratorOrder, name: String)
  case sessions(SessionOrder)
}

/// What a caller gets.
package enum ClientReply: Hashable, Sendable {
  /// Nil: there is no such key.
  case value([UInt8]?)
  /// A write is done; whether the key had a value before, nil for who may not read it.
  case existed(Bool?)
  /// Whether a compare-and-put found the value that it expected, and so was executed.
  case matched(Bool)
  case location(Location)
  case status(ClusterStatus)
  case administered(AdministratorReply)
  case sessions(SessionPage)
  /// Their names, in the order of the map.
  case drones([String])
}

extension ClientMessage {
  /// Writes the request as `DataRequest` has it.
  package func encode(number: UInt64, into writer: inout CBORWriter) {
    switch self {
    case .introduce(let client): DataRequest.introduce(number: number, client: client).encode(into: &writer)
    case .get(let key):
      key.withUnsafeBytes { DataRequest.get(number: number, key: $0).encode(into: &writer) }
    case .put(let write, let retry, let level, let key, let value):
      key.withUnsafeBytes { key in
        value.withUnsafeBytes { value in
          DataRequest.put(number: number, write: write, retry: retry, level: level, key: key, value: value)
            .encode(into: &writer)
        }
      }
    case .compareAndPut(let write, let retry, let level, let key, let expected, let value):
      let request = { (expected: UnsafeRawBufferPointer?, writer: inout CBORWriter) in
        key.withUnsafeBytes { key in
          value.withUnsafeBytes { value in
            DataRequest.compareAndPut(
              number: number, write: write, retry: retry, level: level, key: key, expected: expected,
              value: value
            ).encode(into: &writer)
          }
        }
      }
      if let expected { expected.withUnsafeBytes { request($0, &writer) } } else { request(nil, &writer) }
    case .delete(let write, let retry, let level, let key):
      key.withUnsafeBytes { key in
        DataRequest.delete(number: number, write: write, retry: retry, level: level, key: key)
          .encode(into: &writer)
      }
    case .unreachable(let drone): DataRequest.unreachable(number: number, drone).encode(into: &writer)
    case .topology: DataRequest.topology(number: number).encode(into: &writer)
    case .status: DataRequest.status(number: number).encode(into: &writer)
    case .administer(let order, let name):
      DataRequest.administer(number: number, order, name: name).encode(into: &writer)
    case .sessions(let order): DataRequest.sessions(number: number, order).encode(into: &writer)
    }
  }
}
