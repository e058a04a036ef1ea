import Foundation
import Glibc
import LocalTrust

/// The configuration file of one node, as `keyval authority|database|drone --config` reads it.
struct NodeFile: Codable, Equatable {
  struct Authority: Codable, Equatable {
    let principal: String
    let address: String
    let standby: String?
  }

  struct CertificateAuthority: Codable, Equatable {
    let certificate: String
    let key: String
  }

  /// How many sessions of clients a drone takes.
  struct Sessions: Codable, Equatable {
    let total: Int
    let perPrincipal: Int
    let perAddress: Int
    /// As many as a drone takes in all unless told otherwise.
    private static let usual = 8_192

    /// So many of one principal, which may all come from one address.
    init(ofPrincipal count: Int) {
      (total, perPrincipal, perAddress) = (max(Self.usual, count), count, max(1_024, count))
    }

    enum CodingKeys: String, CodingKey {
      case total
      case perPrincipal = "per-principal"
      case perAddress = "per-address"
    }
  }

  struct Log: Codable, Equatable {
    let level: String
  }

  let cluster: String
  let realm: String
  var name: String
  var listen: String
  var keytab: String
  var directory: String
  let anchors: String
  let membership: String
  let log: Log
  /// The same for all nodes; without it, their default.
  var heartbeat: Int?
  /// For drones alone; without it, one event loop a core.
  var loops: Int?
  var shadows: Int?
  /// Bytes; without it, their default.
  var memory: Int?
  var sessions: Sessions?
  /// For everybody but the authority.
  var authority: Authority?
  /// For the authority alone.
  var ca: CertificateAuthority?
  var membershipKey: String?
  var administrators: [String]?
  var access: String?

  enum CodingKeys: String, CodingKey {
    case cluster, realm, name, listen, keytab, directory, anchors, membership, log, heartbeat, loops, shadows
    case memory, sessions
    case authority, ca
    case membershipKey = "membership-key"
    case administrators, access
  }

  /// What stands in a node's directory, if we wrote it: the directory is the node's, which must not decide what another
  /// node believes.
  /// - Parameter user: whose the directory is.
  static func load(_ path: String, below user: uid_t) throws(LocalClusterError) -> NodeFile {
    let (owner, bytes): (UInt32, [UInt8])
    do throws(TrustError) {
      let file = try TrustedPath.open(path, .decisive, owners: .rootAndSelf.and(user))
      (owner, bytes) = (file.owner, try file.read(maximum: 1 << 20))
    } catch {
      throw LocalClusterError(error)
    }
    guard owner == geteuid() else {
      throw LocalClusterError(
        .input, "\(path) belongs to user \(owner): the node has changed it. See what runs there.")
    }
    do {
      return try JSONDecoder().decode(NodeFile.self, from: Data(bytes))
    } catch {
      throw LocalClusterError(.input, "\(path) is not what keyval wrote there: \(error)")
    }
  }
}

/// The configuration of clients, named by `KEYVAL_CONFIG`.
struct ClientFile: Encodable, Equatable {
  struct Seed: Encodable, Equatable {
    let principal: String
    let address: String
  }

  let cluster: String
  let realm: String
  let anchors: String
  let seeds: [Seed]
  /// For administrators: where nodes are enrolled.
  let authority: NodeFile.Authority
  /// Milliseconds; three heartbeats, where those are not the default.
  let suspicion: Int?
}

/// JSON for people to read: indented, in the order of the alphabet.
func prettyJSON(_ value: some Encodable) throws(LocalClusterError) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  guard let data = try? encoder.encode(value) else {
    throw LocalClusterError(.system, "a configuration cannot be written as JSON")
  }
  return String(decoding: data, as: UTF8.self) + "\n"
}
