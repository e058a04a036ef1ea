import Cluster
import Configuration
import Cryptography
import Kerberos
import Logging
import Sessions
import Transport

/// What one node is told: a JSON file, environment variables `KEYVAL_…` and flags above it. The file alone is
/// enough. Everything is checked before anything starts.
///
///     {"cluster": "demo", "realm": "KEYVAL.TEST", "name": "d1", "listen": "127.0.0.1:6234",
///      "keytab": "d1.keytab", "directory": "d1", "anchors": "election-ca.pem", "membership": "membership.pem",
///      "log": {"level": "info"},
///      "authority": {"principal": "keyval-authority/a1@KEYVAL.TEST", "address": "127.0.0.1:6233",
///                    "standby": "127.0.0.1:6232"}}
///
/// `authority.standby`, where another process of the authority takes over when the first is gone, may be left out.
/// Relative paths are relative to the working directory.
public struct NodeConfiguration: Sendable {
  /// Where to listen; port 0 takes any that is free.
  public struct Listen: Hashable, Sendable, CustomStringConvertible {
    public let host: String
    public let port: UInt16
    public var description: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
  }

  /// What only the authority is told.
  public struct AuthoritySettings: Sendable {
    /// PEM of the election CA's certificate.
    public let certificatePath: String
    /// PEM of its private key: 0600.
    public let keyPath: String
    /// PEM of the private key that signs membership lists: 0600.
    public let membershipKeyPath: String
    /// The people who may enroll and remove nodes. A running authority looks for changes (`AdministratorsWatch`).
    public let administrators: [Principal]
    /// The access list: who may do what.
    public let accessPath: String
  }

  /// The file that the settings were read from.
  public let file: String
  public let cluster: String
  public let realm: String
  public let role: Role
  /// The node's short name, such as `d1`.
  public let name: String
  /// `keyval-ROLE/NAME@REALM`.
  public let principal: Principal
  public let listen: Listen
  public let advertise: Endpoint?
  public let keytab: String
  /// The node's own directory, 0700, made if it was missing.
  public let directory: String
  /// The file of the election CA's certificate.
  public let anchorsPath: String
  /// The file of the public key that membership lists are signed with.
  public let membershipPath: String
  /// Where the authority is; nil for the authority itself.
  public let authority: RegisteredNode?
  /// Where a standby authority, of the same principal, listens once it is active; nil where there is none.
  public let authorityStandby: Endpoint?
  public let timing: Timing
  public let logLevel: Logger.Level
  public let audit: AuditSettings
  /// Event loops for data on a drone; nil: one a core.
  public let loops: Int?
  /// Shadows that the commander gives each partition, 0 to 2. The same on every drone, since each may be it.
  public let shadows: Int
  /// What writes have to reach whose requests do not say.
  public let level: AcknowledgementLevel
  /// Bytes of writes that a drone may acknowledge before the database has them.
  public let backlogBytes: Int
  /// Milliseconds within which the database is to be able to store what was acknowledged before it.
  public let backlogMilliseconds: Int
  /// Bytes that a drone may hold until it refuses what clients put.
  public let memory: Int
  /// Milliseconds that a database that is to end waits for its drones at most.
  public let patience: Int64
  /// The limits of sessions, as far as there are file descriptors for them.
  public let sessionLimits: SessionLimits
  /// Nil for everybody but the authority.
  public let authoritySettings: AuthoritySettings?
  private let sources: ConfigurationSources

  /// What log lines call this node: `drone.d1`.
  public var label: String { "\(role.shortName).\(name)" }

  /// Where the authority may be, the usual place first.
  var authorityAddresses: [NodeAddress] {
    [authority?.endpoint, authorityStandby].compactMap { $0 }.map {
      NodeAddress(host: $0.host, port: Int($0.port))
    }
  }

  /// The address that others dial, once the port is known.
  public func endpoint(boundPort: UInt16) -> Endpoint {
    advertise ?? Endpoint(host: listen.host, port: boundPort)
  }

  /// All there are; a file with another key is refused.
  static let keys: Set<String> = [
    "cluster", "realm", "name", "listen", "advertise", "keytab", "directory", "anchors", "membership",
    "membership-key", "heartbeat", "loops", "shadows", "acknowledgement", "backlog.bytes",
    "backlog.milliseconds", "memory", "patience", "log.level", "sessions.total", "sessions.per-principal",
    "sessions.per-address", "audit.path", "audit.bytes", "audit.files", "audit.data", "audit.keys",
    "authority.principal", "authority.address", "authority.standby", "ca.certificate", "ca.key",
    "administrators", "access",
  ]

  /// Reads and checks the configuration of a node in a role.
  /// - Parameters:
  ///   - overrides: what flags say, by key (`"log.level": "debug"`).
  ///   - environment: the variables of the process.
  /// - Throws: `NodeError.configuration` or `.unusableFile`.
  public static func load(
    role: Role, file: String, overrides: [String: String] = [:], environment: [String: String]
  ) throws(NodeError) -> NodeConfiguration {
    try NodeFiles.requireKerberosConfiguration(environment)
    let sources = try ConfigurationSources(
      file: file, environment: environment, overrides: overrides, knownKeys: keys)
    return try NodeConfiguration(role: role, reader: ConfigurationReader(sources: sources))
  }

  private init(role: Role, reader: ConfigurationReader) throws(NodeError) {
    file = reader.sources.file
    sources = reader.sources
    self.role = role
    cluster = try reader.name("cluster", what: "a cluster's name", example: "\"demo\"")
    realm = try reader.name("realm", what: "a realm", example: "\"EXAMPLE.COM\"")
    name = try reader.name("name", what: "a node's name", example: "\"d1\"")
    principal = try reader.principal(role: role, name: name, realm: realm)
    listen = try reader.listen()
    advertise = try reader.endpointIfAny("advertise")
    try reader.requireAdvertised(listen: listen, advertise: advertise)
    timing = Timing(heartbeat: Int64(try reader.number("heartbeat", in: 10...60_000) ?? 250))
    loops = try reader.number("loops", in: 1...256)
    shadows = try reader.number("shadows", in: 0...2) ?? 1
    level = try reader.level()
    backlogBytes = try reader.number("backlog.bytes", in: 65_536...(1 << 40)) ?? 64 << 20
    backlogMilliseconds = try reader.number("backlog.milliseconds", in: 50...600_000) ?? 2_000
    memory = try reader.number("memory", in: (1 << 20)...(1 << 50)) ?? MachineMemory.standardCeiling
    patience = Int64(try reader.number("patience", in: 1...3_600) ?? 30) * 1_000
    sessionLimits = try reader.sessionLimits()
    logLevel = try reader.logLevel()
    audit = try reader.audit()
    authority = role == .authority ? nil : try reader.authority(realm: realm)
    authorityStandby = role == .authority ? nil : try reader.endpointIfAny("authority.standby")
    authoritySettings = role == .authority ? try reader.authoritySettings(realm: realm) : nil
    anchorsPath = try reader.text("anchors", remedy: "Name the PEM file of the election CA's certificate.")
    membershipPath = try reader.text(
      "membership", remedy: "Name the PEM file of the public key that membership lists are signed with.")
    keytab = try reader.text("keytab", remedy: "Name the keytab that `keyval enroll` wrote for this node.")
    directory = try reader.text("directory", remedy: "Name a directory for this node's own data.")
    try reader.checkFiles(of: self)
  }

  /// The administrators as the file, the environment and the flags say now. Blocks while it reads.
  /// - Throws: `NodeError.configuration` or `.unusableFile`.
  func rereadAdministrators() throws(NodeError) -> [Principal] {
    try ConfigurationReader(sources: try sources.reread()).administrators(realm: realm)
  }

  /// Which membership lists are believed: those of this cluster that are signed with the key of `membership`.
  /// - Throws: `NodeError` when the file is missing or holds no key.
  public func membershipVerifier() throws(NodeError) -> MembershipVerifier {
    let bytes = try NodeFiles.contents(of: membershipPath, key: "membership", maximum: 1 << 20)
    do throws(CryptographyError) {
      let key = try P256PublicKey(pem: String(decoding: bytes, as: UTF8.self))
      return MembershipVerifier(key: key, cluster: cluster)
    } catch {
      throw .unusableFile(
        path: membershipPath, key: "membership", problem: "holds no usable key: \(error)",
        remedy: "Name the file ‘membership.pem’ that was made with the realm.")
    }
  }

  /// Who is believed to be the commander: whoever has a certificate of the election CA.
  /// - Throws: `NodeError` when the file of anchors is missing or holds no certificate.
  public func electionVerifier() throws(NodeError) -> ElectionVerifier {
    let bytes = try NodeFiles.contents(of: anchorsPath, key: "anchors", maximum: 1 << 20)
    do {
      let anchor = try CertificateAnchor(pem: String(decoding: bytes, as: UTF8.self))
      return ElectionVerifier(anchors: [anchor], realm: realm)
    } catch {
      throw .unusableFile(
        path: anchorsPath, key: "anchors", problem: "holds no usable certificate: \(error)",
        remedy: "Name the PEM file of the election CA's certificate.")
    }
  }
}
