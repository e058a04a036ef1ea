import Foundation

/// `cluster.json`: what runs. Written after every process that starts, so that `stop` finds also those of a
/// start that was cut short.
public struct ClusterRecord: Codable, Equatable, Sendable {
  public var cluster: String
  public var realm: String
  public var processes: [Process]

  public struct Process: Codable, Equatable, Sendable {
    public let role: ProcessRole
    public let name: String
    public let pid: Int32
    /// `host:port`.
    public let address: String
    /// With `pid`, which process it is: clock ticks since boot, and which boot.
    public let startTime: UInt64
    public let bootIdentifier: String
    /// It was asked to end. A second time it would take for impatience.
    public var wasAsked: Bool?

    public init(role: ProcessRole, name: String, address: String, identity: ProcessIdentity) {
      self.role = role
      self.name = name
      self.address = address
      pid = identity.pid
      startTime = identity.startTime
      bootIdentifier = identity.bootIdentifier
    }

    public var identity: ProcessIdentity {
      ProcessIdentity(pid: pid, startTime: startTime, bootIdentifier: bootIdentifier)
    }
  }

  public init(cluster: String, realm: String) {
    self.cluster = cluster
    self.realm = realm
    processes = []
  }

  /// Throws with a sentence for a directory without a cluster and for a file that is none of ours.
  public static func load(from directory: ClusterDirectory) throws(LocalClusterError) -> ClusterRecord {
    guard let text = readSmallFile(directory.record) else {
      throw LocalClusterError(
        .input,
        "there is no cluster in \(directory.path) (no readable cluster.json); keyval cluster start --directory "
          + "\(directory.path) makes one")
    }
    do {
      return try JSONDecoder().decode(ClusterRecord.self, from: Data(text.utf8))
    } catch {
      throw LocalClusterError(.input, "\(directory.record) is not what keyval wrote there: \(error)")
    }
  }

  func save(to directory: ClusterDirectory) throws(LocalClusterError) {
    try replaceFile(directory.record, with: prettyJSON(self), mode: 0o644)
  }
}

/// What a process of a local cluster is for, in the order in which they start.
public enum ProcessRole: String, Codable, Sendable, CaseIterable {
  case kdc, kadmind, authority, database, drone
}
