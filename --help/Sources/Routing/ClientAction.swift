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
  case read(ReadKind, key: [UInt8])
  case write(
    WriteKind, write: UInt64, retry: Bool, level: AcknowledgementLevel? = nil, key: [UInt8],
    expected: [UInt8]? = nil, value: [UInt8]? = nil)
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
  /// Nil: there is no such key.
  case versioned(VersionedValue?)
  /// A write is done, and has come to this.
  case outcome(Outcome)
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
    case .read(let kind, let key):
      key.withUnsafeBytes {
        DataRequest.read(ReadRequest(kind, number: number, key: $0)).encode(into: &writer)
      }
    case .write(let kind, let write, let retry, let level, let key, let expected, let value):
      key.withUnsafeBytes { key in
        Self.withBytes(expected) { expected in
          Self.withBytes(value) { value in
            let request = WriteRequest(
              kind, number: number, write: write, retry: retry, level: level, key: key, expected: expected,
              value: value)
            DataRequest.write(request).encode(into: &writer)
          }
        }
      }
    case .unreachable(let drone): DataRequest.unreachable(number: number, drone).encode(into: &writer)
    case .topology: DataRequest.topology(number: number).encode(into: &writer)
    case .status: DataRequest.status(number: number).encode(into: &writer)
    case .administer(let order, let name):
      DataRequest.administer(number: number, order, name: name).encode(into: &writer)
    case .sessions(let order): DataRequest.sessions(number: number, order).encode(into: &writer)
    }
  }
  private static func withBytes(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> Void) {
    if let bytes { bytes.withUnsafeBytes { body($0) } } else { body(nil) }
  }
}

/// A value and its version, which no other value of its key ever has.
public struct VersionedValue: Hashable, Sendable {
  public let value: [UInt8]
  public let version: Version

  public init(value: [UInt8], version: Version) {
    self.value = value
    self.version = version
  }
}
