import Kerberos
import Sessions

/// Why a session could not be opened.
public enum TransportError: Error, Sendable, CustomStringConvertible {
  /// The text is no address.
  case badAddress(String)
  /// Nobody listens there, or the way is broken.
  case connectFailed(NodeAddress, reason: String)
  /// A port cannot be listened on.
  case bindFailed(NodeAddress, reason: String)
  /// This side's credential, ticket or keytab.
  case kerberos(KerberosError)
  case session(SessionError)
  /// No address is known for the principal, and it has no session with us.
  case unknownAddress(principal: String)
  /// The caller, or this process, is closing.
  case cancelled

  public var description: String {
    switch self {
    case .badAddress(let text):
      "'\(text)' is no address: write host:port, such as 127.0.0.1:6234 or [::1]:6234"
    case .connectFailed(let address, let reason): "cannot connect to \(address): \(reason)"
    case .bindFailed(let address, let reason): "cannot listen on \(address): \(reason)"
    case .kerberos(let error): error.description
    case .session(let error): error.description
    case .unknownAddress(let principal): "no address is known for '\(principal)'"
    case .cancelled: "the attempt was given up"
    }
  }

  /// What a person can do about it; empty where the description says it already.
  public var remedy: String {
    switch self {
    case .badAddress, .kerberos, .cancelled: ""
    case .connectFailed: "check the address, and that the node runs"
    case .bindFailed: "choose another port, or stop what uses it"
    case .session(let error): error.remedy
    case .unknownAddress: "wait for the cluster's map, or name the node's address in the configuration"
    }
  }
}
