import CKerberos
import Glibc
import Synchronization

/// One GSSAPI security context: Kerberos 5 only, mutual authentication always.
///
/// Every call may block (the initiator's first step may talk to the KDC), so call it on a thread pool, never on
/// an event loop. Calls are serialised: the object may pass between threads, but is made for one at a time.
public final class SecurityContext: Sendable {
  private let state: Mutex<ContextState>

  private init(_ state: consuming sending ContextState) { self.state = Mutex(state) }

  /// A context with the service principal `target`, as the client of `credential`.
  ///
  /// - Parameters:
  ///   - target: a service principal as krb5 writes it; never looked up in DNS.
  ///   - channelBinding: bytes that name this connection; the acceptor must give the same.
  /// - Throws: `KerberosError`, `badArgument` when the target is no principal name, or what getting a ticket
  ///   from the keytab brings.
  public static func initiate(
    credential: InitiatorCredential, target: String, channelBinding: [UInt8]
  ) throws(KerberosError) -> SecurityContext {
    let target = try canonicalPrincipalName(target)
    let (acquired, cache) = try credential.acquire(for: target)
    return SecurityContext(
      ContextState(
        role: .initiator(acquired, cache, target: try GSSName(principal: target)),
        circumstances: Circumstances(
          "Authenticating to \(target)", client: credential.principal, service: target),
        channelBinding: channelBinding))
  }

  /// A context as the service of `credential`.
  /// - Throws: `KerberosError` when the keytab is not usable any more.
  public static func accept(
    credential: AcceptorCredential, channelBinding: [UInt8]
  ) throws(KerberosError) -> SecurityContext {
    var circumstances = Circumstances(
      "Accepting a client", service: credential.principal, file: credential.keytab)
    circumstances.isAcceptor = true
    return SecurityContext(
      ContextState(
        role: .acceptor(try credential.take(), credential), circumstances: circumstances,
        channelBinding: channelBinding))
  }

  /// Takes the peer's token (nil for an initiator's first step) and gives the one to send, if any.
  ///
  /// - Throws: `KerberosError`; the context is of no use afterwards.
  public func step(
    token: [UInt8]?
  ) throws(KerberosError) -> (token: [UInt8]?, isComplete: Bool) {
    try state.withLock { state throws(KerberosError) in
      let step = try state.step(token: token)
      return (step.token, step.isComplete)
    }
  }

  /// What the complete context proves.
  /// - Throws: `KerberosError` when the context is not complete or does not hold up.
  public func properties() throws(KerberosError) -> SecurityContextProperties {
    try state.withLock { state throws(KerberosError) in try state.properties() }
  }

  /// Key material that both sides compute alike (RFC 4401, RFC 7802), from the full context key: the
  /// acceptor's subkey. Equal on both sides once each has its last token.
  public func pseudoRandom(input: [UInt8], length: Int) throws(KerberosError) -> [UInt8] {
    try state.withLock { state throws(KerberosError) in
      try state.pseudoRandom(input: input, length: length)
    }
  }
}
