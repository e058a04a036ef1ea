/// What a local cluster consists of.
public struct ClusterPlan: Sendable, Equatable {
  public var cluster: String
  public var realm: String
  /// 1 to 64.
  public var drones: Int
  /// The person who gets a ticket at once.
  public var user: String
  /// The nodes' log level, a name of swift-log's.
  public var logLevel: String
  /// Event loops for data on each drone; nil: one a core.
  public var loops: Int?
  /// Shadows of each partition, 0 to 2.
  public var shadows: Int
  /// Sessions that a drone takes of one principal and from one address; nil: the drones' defaults.
  public var sessions: Int?
  /// Bytes that all drones together may hold until they refuse what clients put; nil: each as much as it would alone on
  /// its machine.
  public var memory: Int?
  /// Milliseconds between heartbeats, 10 to 60,000, with which suspicion (3 of them) and lease (8) scale; nil: 250.
  public var heartbeat: Int?
  /// Whether a second process stands by for the authority.
  public var hasStandby: Bool

  public init(
    cluster: String = "local", realm: String = "KEYVAL.TEST", drones: Int = 3, user: String = "alice",
    logLevel: String = "info", loops: Int? = nil, shadows: Int = 1, heartbeat: Int? = nil,
    hasStandby: Bool = false, memory: Int? = nil, sessions: Int? = nil
  ) {
    self.cluster = cluster
    self.realm = realm
    self.drones = drones
    self.user = user
    self.logLevel = logLevel
    self.loops = loops
    self.shadows = shadows
    self.heartbeat = heartbeat
    self.hasStandby = hasStandby
    self.memory = memory
    self.sessions = sessions
  }

  public static let droneRange = 1...64
  public static let heartbeatRange = 10...60_000
  public static let sessionsRange = 1...1_048_576

  var authority: NodePlan { NodePlan(role: .authority, name: "a1") }
  /// The same principal, keytab and register as the authority's: only its process, its log and the address it
  /// listens on are its own.
  var standby: NodePlan? { hasStandby ? NodePlan(role: .authority, name: Self.standbyName) : nil }
  static let standbyName = "a1-standby"
  /// In the order in which they start after the authority.
  var others: [NodePlan] {
    [NodePlan(role: .database, name: "db1")] + (1...drones).map { NodePlan(role: .drone, name: "d\($0)") }
  }
}

/// One node of ours, as a process and as principals.
public struct NodePlan: Sendable, Equatable {
  public let role: ProcessRole
  public let name: String

  /// The principals in its keytab, without the realm; by the first of them it is known.
  var principals: [String] {
    switch role {
    case .database: ["keyval-database/\(name)", "keyval-command/\(name)"]
    default: ["keyval-\(role.rawValue)/\(name)"]
    }
  }

  func principal(in realm: String) -> String { "\(principals[0])@\(realm)" }
}
