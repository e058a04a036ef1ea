import Cluster
import Cryptography
import Glibc
import Kerberos
import KerberosFixture
import Keyval
import Logging
import NIOPosix
import Sessions
import Synchronization
import Transport

/// Drones for the client's tests: real sessions with real tickets, and one dictionary behind all of them. They
/// route as drones do, and misbehave when told to.
final class FakeCluster: Sendable {
  static let group = MultiThreadedEventLoopGroup.singleton

  /// How a drone behaves.
  enum Mode: Equatable {
    case normal
    /// Reads everything and answers nothing.
    case silent
    /// Executes the next write, then drops the session without an answer.
    case dropsAfterWrite
    /// Says that it is busy, so often.
    case busy(Int)
  }

  struct State {
    var values: [[UInt8]: [UInt8]] = [:]
    /// What each write was answered, by client and number.
    var outcomes: [String: Outcome] = [:]
    /// Writes that were executed, retries not counted.
    var executed = 0
    var retries = 0
    var records = 0
    var requests = 0
    var modes: [Int: Mode] = [:]
    var owners: [Int?] = []
    var term: UInt64 = 1
    var version: UInt64 = 1
    var commander = 0
    var endpoints: [Endpoint] = []
    /// Signs maps in place of the commander's key.
    var forger: P256PrivateKey?
    var refusesStatus = false
    /// Who has opened a session.
    var clients: Set<String> = []
  }

  let fixture: KerberosFixture
  let name: String
  let principals: [Principal]
  let state = Mutex(State())
  private let keytabs: [String]
  private let commander: Commander
  private let listeners = Mutex<[Int: SessionListener]>([:])

  init(fixture: KerberosFixture, drones: Int, name: String = "test") async throws {
    self.fixture = fixture
    self.name = name
    let tag = String(UInt32.random(in: 0 ... .max), radix: 36)
    let names = (0..<drones).map { "d\($0)-\(tag)" }
    keytabs = try names.map { try fixture.addDrone($0) }
    principals = try names.map { try Principal(role: .drone, node: $0, realm: fixture.realmName) }
    commander = try fixture.certify(term: 1, winner: "keyval-drone/\(names[0])")
    state.withLock { state in
      state.endpoints = names.map { _ in Endpoint(host: "127.0.0.1", port: 1) }
      state.owners = Partition.all.map { $0.index % drones }
    }
    for index in 0..<drones { try await start(index) }
  }

  /// Listens, at a free port.
  func start(_ index: Int) async throws {
    let principal = principals[index]
    let credential = try fixture.acceptor("keyval-drone/\(principal.shortName)", keytab: keytabs[index])
    let configuration = SessionListener.Configuration(
      cluster: name, services: [.init(principal: principal.text) { credential }],
      logger: Logger(label: "fake") { _ in SwiftLogNoOpLogHandler() },
      describe: { [realm = fixture.realmName, name] in
        NodeDescription(
          cluster: name, realm: realm, principals: [principal.text], role: "drone", softwareVersion: "test",
          commanderHint: nil, address: "127.0.0.1:1")
      })
    let listener = try await SessionListener.bind(
      to: NodeAddress(host: "127.0.0.1", port: 0), group: Self.group, configuration: configuration
    ) { [unowned self] identity, _ in
      _ = state.withLock { $0.clients.insert(identity.peer) }
      return FakeDrone(cluster: self, index: index)
    }
    listeners.withLock { $0[index] = listener }
    state.withLock { state in
      state.endpoints[index] = Endpoint(host: "127.0.0.1", port: UInt16(listener.address.port))
      state.version += 1
    }
  }

  var clients: Set<String> { state.withLock { $0.clients } }

  func stop(_ index: Int) async {
    let listener = listeners.withLock { $0.removeValue(forKey: index) }
    await listener?.close()
  }

  func stop() async { for index in principals.indices { await stop(index) } }

  /// Gives partitions to drones anew, in a new map.
  func assign(_ owner: (Partition) -> Int?) {
    let owners = Partition.all.map(owner)
    state.withLock { state in
      state.owners = owners
      state.version += 1
    }
  }

  func set(_ mode: Mode, of index: Int) { state.withLock { $0.modes[index] = mode } }

  /// The map as it is now, signed.
  func signedMap(_ state: State) throws -> SignedSlotMap {
    let map = SlotMap(
      cluster: name, term: Term(state.term), version: state.version, expiry: Int64(time(nil)) + 600,
      commander: principals[state.commander],
      drones: zip(principals, state.endpoints).map { .init(principal: $0, endpoint: $1) },
      owners: state.owners)
    guard let map else { throw FakeClusterError() }
    return try SignedSlotMap(map, key: state.forger ?? commander.key, certificate: commander.certificate.der)
  }

  func configuration(cache: String, seeds: [Int]? = nil) -> ClientConfiguration {
    let endpoints = state.withLock { $0.endpoints }
    let seeds = (seeds ?? Array(principals.indices)).map { index in
      ClientConfiguration.Seed(principal: principals[index], endpoint: endpoints[index])
    }
    var configuration = ClientConfiguration(
      cluster: name, realm: fixture.realmName, seeds: seeds, anchors: fixture.realm.layout.anchors)
    configuration.credentialCache = cache
    configuration.deadline = .seconds(20)
    return configuration
  }

  /// A key of a drone, as the first assignment has it.
  func key(of index: Int) -> [UInt8] {
    var number = 0
    while true {
      let key = [UInt8]("key\(number)".utf8)
      if Slot(key: key).partition.index % principals.count == index { return key }
      number += 1
    }
  }
}

struct FakeClusterError: Error {}
