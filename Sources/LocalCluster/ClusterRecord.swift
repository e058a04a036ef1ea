import Foundation
import Glibc
import LocalTrust

/// A process of a cluster, as whoever ends one must know it.
public typealias ProcessIdentity = LocalTrust.ProcessIdentity

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
    /// As whom it runs, and what.
    public let user: UInt32
    public let program: RunningProgram
    /// It was asked to end. A second time it would take for impatience.
    public var wasAsked: Bool?

    public init(role: ProcessRole, name: String, address: String, identity: ProcessIdentity) {
      self.role = role
      self.name = name
      self.address = address
      pid = identity.pid
      startTime = identity.startTime
      bootIdentifier = identity.bootIdentifier
      user = identity.user
      program = identity.program
    }

    public var identity: ProcessIdentity {
      ProcessIdentity(
        pid: pid, startTime: startTime, bootIdentifier: bootIdentifier, user: user, program: program)
    }
  }

  public init(cluster: String, realm: String) {
    self.cluster = cluster
    self.realm = realm
    processes = []
  }

  /// Reads it, and believes it only where nobody but root and this user can have written it. Whether the processes are
  /// still those that were written down is another question: `requireOwnProcesses`. (Of a list that an earlier version
  /// wrote, which does not say as whom and what they run, that is looked up here.)
  /// - Throws: `LocalClusterError` for a directory without a cluster, a file that somebody else can have written, and one
  ///   that is none of ours.
  public static func load(from directory: ClusterDirectory) throws(LocalClusterError) -> ClusterRecord {
    guard isThere(in: directory) else {
      throw LocalClusterError(
        .input,
        "there is no cluster in \(directory.path) (no cluster.json); keyval cluster start --directory "
          + "\(directory.path) makes one")
    }
    let (text, owner) = try readOwnedFile(directory.record)
    let record: ClusterRecord
    if let earlier = EarlierRecord.read(text) {
      record = try earlier.completed(in: directory, of: owner)
    } else {
      do {
        record = try JSONDecoder().decode(ClusterRecord.self, from: Data(text.utf8))
      } catch {
        throw directory.foreignRecord(explain(error))
      }
    }
    try record.check(in: directory, of: owner)
    return record
  }

  /// Something of that name, even a link that leads nowhere.
  static func isThere(in directory: ClusterDirectory) -> Bool {
    var status = stat()
    return lstat(directory.record, &status) == 0
  }

  /// The most that a cluster can have: 64 drones, some that came later, and the others.
  private static let maximumProcesses = 1_024

  /// What keyval never writes: names become paths, numbers are sent signals.
  /// - Parameter owner: whose cluster it is, root's or this user's. (Everybody may ask for the status of root's.)
  private func check(in directory: ClusterDirectory, of owner: UInt32) throws(LocalClusterError) {
    guard processes.count <= Self.maximumProcesses, Set(processes.map(\.name)).count == processes.count else {
      throw directory.foreignRecord("it has too many processes, or one of them twice")
    }
    for process in processes {
      try Self.check(name: process.name, address: process.address, pid: process.pid, in: directory)
      // Root gives every process a user of its own, and anybody else can only start his own.
      guard owner == 0 ? ClusterUsers.range.contains(process.user) : process.user == owner else {
        throw directory.foreignRecord(
          "\(process.name) is said to run as user \(process.user), as whom no process of a cluster of user \(owner) runs"
        )
      }
    }
  }

  static func check(
    name: String, address: String, pid: Int32, in directory: ClusterDirectory
  ) throws(LocalClusterError) {
    guard !name.isEmpty, name.utf8.count <= 255, name.utf8.allSatisfy(Self.isOfName),
      name.utf8.first != UInt8(ascii: ".")
    else { throw directory.foreignRecord("a process has a name that no node has") }
    guard address.utf8.count <= 300, address.utf8.allSatisfy({ (33..<127).contains($0) }) else {
      throw directory.foreignRecord("\(name) has no address")
    }
    guard pid > 1 else { throw directory.foreignRecord("\(name) has the process number \(pid)") }
  }

  private static func isOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// Before anybody is sent a signal: that every process is the one that was started, or none any more.
  /// - Throws: `LocalClusterError`, which names the first that is another.
  func requireOwnProcesses(in directory: ClusterDirectory) throws(LocalClusterError) {
    for process in processes {
      guard case .another(let what) = process.identity.state else { continue }
      throw directory.foreignRecord(
        "process \(process.pid), said to be \(process.name), \(what)", "No process was sent a signal. ")
    }
    try requireOriginal(in: directory)
  }

  /// The list may have been copied with the directory: then it names the processes of the original.
  private func requireOriginal(in directory: ClusterDirectory) throws(LocalClusterError) {
    for process in processes where process.identity.isRunning {
      guard let words = ProcessTable.words(of: process.pid), let option = words.firstIndex(of: "--config"),
        option + 1 < words.count, case let path = words[option + 1],
        path != directory.configuration(of: process.name)
      else { continue }
      throw LocalClusterError(
        .input,
        "\(directory.path) is a copy of a cluster that runs elsewhere, or was moved while it ran: \(process.name) (process "
          + "\(process.pid)) runs with \(path). No process was sent a signal. Stop that one first, or move this directory "
          + "back; of a stopped cluster a copy can be started")
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

extension ClusterDirectory {
  func foreignRecord(_ why: String, _ done: String = "") -> LocalClusterError {
    LocalClusterError(
      .input,
      "\(record) is not what keyval wrote there: \(why). \(done)Find out who changed it; what runs of the cluster shows "
        + "in: ps -ef | grep -e \(path) -e krb5kdc -e kadmind. End that yourself, and remove the file.")
  }
}

/// What a decoder complains of, in words for people.
private func explain(_ error: any Error) -> String {
  guard let error = error as? DecodingError else { return "it is not JSON" }
  func place(_ context: DecodingError.Context) -> String {
    let keys = context.codingPath.map { $0.intValue.map { "no. \($0 + 1)" } ?? $0.stringValue }
    return keys.isEmpty ? "" : " (\(keys.joined(separator: ", ")))"
  }
  switch error {
  case .keyNotFound(let key, let context): return "it has no ‘\(key.stringValue)’\(place(context))"
  case .typeMismatch(_, let context), .valueNotFound(_, let context):
    return "it says something of another kind than keyval does\(place(context))"
  case .dataCorrupted(let context):
    return context.codingPath.isEmpty ? "it is not JSON" : "it says what keyval never says\(place(context))"
  @unknown default: return "it cannot be read"
  }
}
