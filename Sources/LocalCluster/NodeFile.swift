import Foundation

/// The configuration file of one node, as `keyval authority|database|drone --config` reads it.
struct NodeFile: Encodable, Equatable {
  struct Authority: Encodable, Equatable {
    let principal: String
    let address: String
  }

  struct CertificateAuthority: Encodable, Equatable {
    let certificate: String
    let key: String
  }

  struct Log: Encodable, Equatable {
    let level: String
  }

  let cluster: String
  let realm: String
  let name: String
  let listen: String
  let keytab: String
  let directory: String
  let anchors: String
  let log: Log
  /// For everybody but the authority.
  var authority: Authority?
  /// For the authority alone.
  var ca: CertificateAuthority?
  var administrators: [String]?
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
