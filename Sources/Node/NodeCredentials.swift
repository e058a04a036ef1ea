import Cluster
import Kerberos
import Transport

/// A node's right to accept and to dial, from its keytab, which is read again for each context: so a rotated
/// keytab is taken up without a restart.
struct NodeCredentials: Sendable {
  private let configuration: NodeConfiguration
  private let own: InitiatorCredential

  /// - Throws: `KerberosError` when the keytab cannot be used.
  init(_ configuration: NodeConfiguration) throws(KerberosError) {
    self.configuration = configuration
    own = try .fromKeytab(keytab: configuration.keytab, principal: configuration.principal.text)
  }

  /// Accepts for one of the node's services.
  func acceptor(for service: Principal) throws(KerberosError) -> AcceptorCredentialProvider {
    let name = "\(configuration.directory)/\(service.primary).rcache"
    let credential = try AcceptorCredential(
      keytab: configuration.keytab, principal: service.text, replayCache: name)
    return { () throws(KerberosError) in credential }
  }

  /// Dials as the node's own principal.
  var initiator: InitiatorCredentialProvider {
    let own = own
    return { () throws(KerberosError) in own }
  }
}
