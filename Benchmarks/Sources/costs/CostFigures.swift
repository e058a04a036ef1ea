import Foundation

/// All that a run has measured: medians over its rounds, and what it was measured on.
struct CostFigures: Codable, Equatable, Sendable {
  var circumstances: Circumstances
  var points: [Point] = []
  var loadings: [Loading] = []

  struct Circumstances: Codable, Equatable, Sendable {
    var processor: String
    var cores: Int
    /// Bytes of the machine's memory.
    var memory: Double
    var kernel: String
    var keyval: String
    var swift: String
    /// What was typed.
    var command: String
    var rounds: Int
    /// Of a round.
    var seconds: Double
    /// Processors that others kept busy meanwhile, in the part where they did most.
    var othersKeptBusy: Double
    /// Of the whole run.
    var duration: Double
  }

  /// What was measured at one place of an axis.
  struct Point: Codable, Equatable, Sendable {
    var axis: Axis
    var value: Int
    var operation: Operation
    var figures: [Quantity: Double]
  }

  /// A drone that was started again, and has all entries from the database.
  struct Loading: Codable, Equatable, Sendable {
    var valueBytes: Int
    var entries: Int
    var entriesPerSecond: Double
    /// Before: bytes of the drone's memory and of the database's files, an entry.
    var entryBytes: Double
    var diskEntryBytes: Double
  }

  enum Operation: String, Codable, CaseIterable, Sendable {
    case get, put
    /// All keys put once, by sessions that have been opened for it: what they take of memory.
    case load
  }

  /// The values of a quantity along an axis.
  func series(_ axis: Axis, _ operation: Operation, _ quantity: Quantity) -> [(x: Double, y: Double)] {
    points.filter { $0.axis == axis && $0.operation == operation }.compactMap { point in
      point.figures[quantity].map { (Double(point.value), $0) }
    }
  }

  func value(_ axis: Axis, _ value: Int, _ operation: Operation, _ quantity: Quantity) -> Double? {
    points.first { $0.axis == axis && $0.value == value && $0.operation == operation }?.figures[quantity]
  }

  init(circumstances: Circumstances) { self.circumstances = circumstances }

  /// - Throws: `DecodingError` for what ``json()`` has not made.
  init(json: Data) throws { self = try JSONDecoder().decode(CostFigures.self, from: json) }

  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }
}

/// What is measured, by its name in the JSON.
enum Quantity: String, Codable, CodingKeyRepresentable, CaseIterable, Sendable {
  case requestsPerSecond
  /// Microseconds.
  case p50Microseconds, p99Microseconds
  /// Microseconds of processor time a request: of the drones, of that in the kernel, of the databases, of all servers, of
  /// who asks.
  case droneMicroseconds, kernelMicroseconds, databaseMicroseconds, serverMicroseconds, askerMicroseconds
  /// Requests that were asked again, because the drone had too much at hand, a request that was answered.
  case retries
  /// What the drones took in the dearest round, less what they took in the cheapest, of the median.
  case droneSpread
  /// By TCP, a request: what a client sends, what it receives, and how many segments there are of both.
  case requestBytes, answerBytes, segments
  /// By TCP, a request: between nodes, both ways.
  case nodeBytes
  /// Bytes a request that the databases have written to disk, with what they fold.
  case writtenBytes
  /// Bytes of memory an entry: of all drones, of the databases; and of disk.
  case entryBytes, databaseEntryBytes, diskEntryBytes
  /// Bytes of memory an open session, of the drones.
  case connectionBytes
}
