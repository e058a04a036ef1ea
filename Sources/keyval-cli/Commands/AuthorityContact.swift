import Cluster
import Foundation
import Kerberos
import Keyval

/// Where the authority is, as far as a person's command knows: from flags, else from the client configuration, whose
/// members `cluster` and `authority` (`{"principal": …, "address": …, "standby": …}`, the last one optional) are read here.
struct AuthorityContact {
  let cluster: String
  let node: RegisteredNode
  /// Where another process of the authority takes over when the first is gone.
  let standby: Endpoint?

  static func find(principal: String?, address: String?) throws -> AuthorityContact {
    let path = try ClientConnection.configurationPath()
    let configuration = try ClientConfiguration.load(path: path)
    let file = try? JSONDecoder().decode(File.self, from: Data(contentsOf: URL(filePath: path)))
    guard let principal = principal ?? file?.authority?.principal,
      let address = address ?? file?.authority?.address
    else {
      throw Failure(
        status: .configuration,
        sentence:
          "\(path) does not name the authority: add \"authority\": {\"principal\": …, \"address\": …}, or give "
          + "--authority and --address")
    }
    guard let endpoint = Endpoint(address) else {
      throw Failure(
        status: .usage, sentence: "‘\(address)’ is no address; write host:port, such as 127.0.0.1:6233")
    }
    return AuthorityContact(
      cluster: configuration.cluster,
      node: RegisteredNode(
        principal: try authority(principal, of: configuration.realm, by: path), endpoint: endpoint),
      standby: file?.authority?.standby.flatMap { Endpoint($0) })
  }

  /// The cluster's authority is of the cluster's realm: what another realm calls one has no say here.
  static func authority(_ text: String, of realm: String, by path: String) throws -> Principal {
    let principal = try Principal(text)
    guard principal.role == .authority, principal.realm == realm else {
      throw Failure(
        status: .usage,
        sentence: "‘\(text)’ is no authority of the realm \(realm), which \(path) names: "
          + "write keyval-authority/NAME@\(realm)")
    }
    return principal
  }

  /// The caller's own ticket; without one, the line that gets it.
  func ticket() throws -> InitiatorCredential {
    do {
      let credential = try InitiatorCredential.fromCache(name: nil)
      try credential.prepare()
      return credential
    } catch {
      guard error.reason == .noTicket || error.reason == .ticketExpired else { throw error }
      throw Failure(KeyvalError.noTicket(realm: node.principal.realm))
    }
  }

  private struct File: Decodable {
    struct Authority: Decodable {
      let principal: String
      let address: String
      let standby: String?
    }

    let authority: Authority?
  }
}
