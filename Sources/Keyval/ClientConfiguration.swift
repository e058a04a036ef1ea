import Cluster
import Cryptography
import Foundation
import LocalTrust
import Routing

/// What a client must know to find a cluster and to believe it.
///
/// As a file, JSON:
///
///     {"cluster": "demo", "realm": "KEYVAL.TEST", "anchors": "/etc/keyval/election-ca.pem",
///      "seeds": [{"principal": "keyval-drone/d1@KEYVAL.TEST", "address": "127.0.0.1:6234"}]}
public struct ClientConfiguration: Hashable, Sendable {
  /// A drone to ask for the first slot map.
  public struct Seed: Hashable, Sendable {
    public var principal: Principal
    public var endpoint: Endpoint

    public init(principal: Principal, endpoint: Endpoint) {
      self.principal = principal
      self.endpoint = endpoint
    }
  }

  /// The cluster's name; a node of another cluster is refused.
  public var cluster: String
  /// The realm of the cluster's nodes.
  public var realm: String
  /// At least one. Several, so that one that is down does not matter.
  public var seeds: [Seed]
  /// Path of the election CA's certificates in PEM: slot maps are believed that a commander certified by one
  /// of them has signed.
  public var anchors: String
  /// Name of the credential cache, such as `FILE:/tmp/krb5cc_1000`. Nil: the default one, as `klist` shows it.
  public var credentialCache: String?
  /// How long an operation is tried.
  public var deadline: Duration = .seconds(10)
  /// Silence after which a drone that owes an answer is suspected. The cluster's own, three heartbeats, fits.
  public var suspicion: Duration = .milliseconds(750)

  public init(cluster: String, realm: String, seeds: [Seed], anchors: String) {
    self.cluster = cluster
    self.realm = realm
    self.seeds = seeds
    self.anchors = anchors
  }

  /// Reads the configuration from a JSON file. Blocks while it reads.
  ///
  /// Members: `cluster`, `realm`, `anchors`, `seeds`; optional: `credentialCache`, `deadline` and `suspicion`
  /// in milliseconds. Relative paths are relative to the working directory.
  ///
  /// The file says whom a client believes. So it, the file of `anchors`, and every folder and link on the way to them
  /// belong to root or to this process's user, and nobody else may write there.
  /// - Throws: ``KeyvalError/badConfiguration(_:)``, which names the file and the member.
  public static func load(path: String) throws(KeyvalError) -> ClientConfiguration {
    let bytes: [UInt8]
    do throws(TrustError) {
      bytes = try TrustedPath.open(path, .decisive).read(maximum: maximumFileLength)
    } catch {
      throw .badConfiguration("the client's configuration \(error)")
    }
    do throws(KeyvalError) {
      return try ClientConfiguration(json: Data(bytes))
    } catch {
      throw .badConfiguration("the client's configuration \(path) is wrong: \(error)")
    }
  }

  private static let maximumFileLength = 1 << 20

  private init(json: Data) throws(KeyvalError) {
    let file: ConfigurationFile
    do {
      file = try JSONDecoder().decode(ConfigurationFile.self, from: json)
    } catch {
      throw .badConfiguration(ConfigurationFile.sentence(error, json))
    }
    var seeds: [Seed] = []
    for seed in file.seeds {
      guard let principal = try? Principal(seed.principal) else {
        throw .badConfiguration("‘\(seed.principal)’ in ‘seeds’ is no principal")
      }
      guard let endpoint = Endpoint(seed.address) else {
        throw .badConfiguration("‘\(seed.address)’ in ‘seeds’ is no address: write host:port")
      }
      seeds.append(Seed(principal: principal, endpoint: endpoint))
    }
    self.init(cluster: file.cluster, realm: file.realm, seeds: seeds, anchors: file.anchors)
    credentialCache = file.credentialCache
    if let deadline = file.deadline { self.deadline = .milliseconds(deadline) }
    if let suspicion = file.suspicion { self.suspicion = .milliseconds(suspicion) }
    try check()
  }

  /// Throws ``KeyvalError/badConfiguration(_:)`` unless a client can work with it.
  func check() throws(KeyvalError) {
    guard !cluster.isEmpty else { throw .badConfiguration("‘cluster’ is empty") }
    guard !realm.isEmpty else { throw .badConfiguration("‘realm’ is empty") }
    guard !seeds.isEmpty else { throw .badConfiguration("‘seeds’ is empty: name at least one drone") }
    for seed in seeds where seed.principal.role != .drone {
      throw .badConfiguration("\(seed.principal) in ‘seeds’ is no drone: write keyval-drone/NAME@\(realm)")
    }
    for seed in seeds where seed.principal.realm != realm {
      throw .badConfiguration("\(seed.principal) in ‘seeds’ is not of the realm \(realm)")
    }
    guard deadline >= .milliseconds(1), deadline <= .seconds(86_400) else {
      throw .badConfiguration("‘deadline’ must be from 1 ms to a day")
    }
    guard suspicion >= .milliseconds(10), suspicion <= .seconds(3_600) else {
      throw .badConfiguration("‘suspicion’ must be from 10 ms to an hour")
    }
  }

  /// The certificates of the file at `anchors`. Blocks while it reads.
  func readAnchors() throws(KeyvalError) -> [CertificateAnchor] {
    let bytes: [UInt8]
    do throws(TrustError) {
      bytes = try TrustedPath.open(anchors, .decisive).read(maximum: Self.maximumFileLength)
    } catch {
      throw .badConfiguration("the election CA's certificate (‘anchors’) \(error)")
    }
    let end = "-----END CERTIFICATE-----"
    let blocks = String(decoding: bytes, as: UTF8.self).split(separator: end).filter {
      $0.contains("-----BEGIN")
    }
    guard !blocks.isEmpty else {
      throw .badConfiguration("\(anchors) holds no certificate in PEM (‘anchors’)")
    }
    var result: [CertificateAnchor] = []
    for block in blocks {
      do throws(CertificateError) {
        result.append(try CertificateAnchor(pem: block + end + "\n"))
      } catch {
        throw .badConfiguration("\(anchors) is not the election CA's certificate (‘anchors’): \(error)")
      }
    }
    return result
  }
}

/// The JSON as it stands in the file.
private struct ConfigurationFile: Decodable {
  struct Seed: Decodable {
    let principal: String
    let address: String
  }

  let cluster: String
  let realm: String
  let anchors: String
  let seeds: [Seed]
  let credentialCache: String?
  let deadline: Int?
  let suspicion: Int?

  private enum Member: String, CodingKey, CaseIterable {
    case cluster, realm, anchors, seeds, authority, credentialCache, deadline, suspicion
  }

  /// Whatever its members are called.
  private struct AnyMember: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    // A member that is misspelt would have no effect, and nobody would know why.
    let all = try decoder.container(keyedBy: AnyMember.self).allKeys.map(\.stringValue).sorted()
    if let stranger = all.first(where: { Member(rawValue: $0) == nil }) {
      throw UnknownMember(name: stranger)
    }
    let members = try decoder.container(keyedBy: Member.self)
    cluster = try members.decode(String.self, forKey: .cluster)
    realm = try members.decode(String.self, forKey: .realm)
    anchors = try members.decode(String.self, forKey: .anchors)
    seeds = try members.decode([Seed].self, forKey: .seeds)
    credentialCache = try members.decodeIfPresent(String.self, forKey: .credentialCache)
    deadline = try members.decodeIfPresent(Int.self, forKey: .deadline)
    suspicion = try members.decodeIfPresent(Int.self, forKey: .suspicion)
  }

  private struct UnknownMember: Error { let name: String }

  static func sentence(_ error: any Error, _ json: Data) -> String {
    if let error = error as? UnknownMember {
      let known = Member.allCases.map(\.rawValue).joined(separator: ", ")
      return "there is no member ‘\(error.name)’; there are: \(known)"
    }

    func path(_ keys: [any CodingKey]) -> String { keys.map(\.stringValue).joined(separator: ".") }
    switch error as? DecodingError {
    case .keyNotFound(let key, let context): return "‘\(path(context.codingPath + [key]))’ is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "‘\(path(context.codingPath))’ is of another type"
    default: return "it is no JSON" + (complaint(about: json).map { ": \($0)" } ?? "")
    }
  }

  /// Where something is wrong the decoder does not tell.
  private static func complaint(about json: Data) -> String? {
    do {
      _ = try JSONSerialization.jsonObject(with: json)
      return nil
    } catch {
      let detail = (error as NSError).userInfo[NSDebugDescriptionErrorKey] as? String
      return detail.map { TextPlace.complaint($0, about: json) }
    }
  }
}
