import Cluster
import Histories

/// What the program `HostClients` is told, a line of JSON each.
public enum Command: Codable, Sendable {
  /// Go on with other keys: the history of these will be short. Every value is so many bytes longer.
  case begin(chapter: String, padding: Int)
  /// Answered with ``Answer/progress(_:)``.
  case progress
  /// What the commander says. Answered with ``Answer/status(_:)`` or ``Answer/problem(_:)``.
  case status
  /// Write a key that nobody else uses, onto the database's disk, within half a second.
  case writeDurably
  /// Stop, and read everything back. Answered with ``Answer/report(_:)``.
  case finish
}

/// A line of JSON for each command.
public enum Answer: Codable, Sendable {
  case done
  case progress(Progress)
  case status(Status)
  case report(Report)
  case problem(String)
}

/// Of the chapter that is on.
public struct Progress: Codable, Sendable {
  /// How many operations of each client have had a result.
  public var operations: [Int]
  /// Operations without one, and why.
  public var failures: [String] = []
  /// The longest that an operation took, in milliseconds.
  public var longest = 0
}

/// The part of a cluster's status that tests of faults look at.
public struct Status: Codable, Sendable {
  public struct Drone: Codable, Sendable {
    public let name: String
    public let isServing: Bool
    public let slots: Int
  }

  public let term: UInt64
  /// Its node's name.
  public let commander: String
  public let slotsServed: Int
  public let slotsShadowed: Int
  public let slotsMoving: Int
  public let drones: [Drone]
  /// Whether the commander reaches every database.
  public let reachesDatabase: Bool
  public let reachesAuthority: Bool

  /// No drone has more to give to another.
  public var isEven: Bool {
    let slots = drones.map(\.slots)
    return (slots.max() ?? 0) - (slots.min() ?? 0) <= Partition.slotsEach
  }

  public var owners: Set<String> { Set(drones.filter { $0.slots > 0 }.map(\.name)) }
}

/// All that the clients were told.
public struct Report: Codable, Sendable {
  /// What was done with one key.
  public struct Register: Codable, Sendable {
    public let key: String
    public let operations: [Operation]
  }

  public let registers: [Register]
  /// How many keys were written once, with success.
  public let written: Int
  /// Which of them are not as they were written.
  public let lost: [String]
}
