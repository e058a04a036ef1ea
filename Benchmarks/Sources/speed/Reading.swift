import Foundation
import Load
import Measuring

/// What one side did in one round.
struct Reading: Sendable {
  var requests = 0.0
  var seconds = 0.0
  /// Latencies in microseconds, of the 50th, 99th and 99.9th per cent.
  var percentiles: [Double] = []
  /// Microseconds of processor time a request: of all server processes…
  var servers = 0.0
  /// … of them the drones, and the databases; nil where there are none.
  var drones: Double?
  var databases: Double?
  /// … and of who asks.
  var generator = 0.0
  /// Further figures, by name, in the order in which they are told.
  var more: [(name: String, value: Double)] = []

  var perSecond: Double { seconds > 0 ? requests / seconds : 0 }

  static let percents = [50, 99, 99.9]

  /// - Parameter used: seconds of processor time of all servers.
  init(_ latencies: LoadOutcome.Latencies, seconds: Double, generator: Double, servers used: Double) {
    requests = Double(latencies.count)
    self.seconds = seconds
    percentiles = Self.percents.map { Double(latencies.percentile($0)) / 1_000 }
    servers = used * 1_000_000 / requests
    self.generator = generator * 1_000_000 / requests
  }

  mutating func add(_ used: MeasuredCluster.ProcessorTime) {
    drones = used.drones * 1_000_000 / requests
    databases = used.databases * 1_000_000 / requests
  }
}

/// The medians of one side over all rounds.
struct Side {
  let members: [(name: String, value: Double)]

  init(_ readings: [Reading]) {
    func median(_ value: (Reading) -> Double?) -> Double? {
      let values = readings.compactMap(value)
      return values.isEmpty ? nil : Median.of(values)
    }
    var members: [(String, Double?)] = [
      ("requestsPerSecond", median(\.perSecond)), ("processorMicroseconds", median(\.servers)),
      ("droneMicroseconds", median(\.drones)), ("databaseMicroseconds", median(\.databases)),
    ]
    for (index, percent) in Reading.percents.enumerated() {
      let name = percent == percent.rounded() ? "p\(Int(percent))" : "p\(percent)"
      members.append(("\(name)Microseconds", median { $0.percentiles[index] }))
    }
    members.append(("generatorMicroseconds", median(\.generator)))
    for (index, figure) in (readings.first?.more ?? []).enumerated() {
      members.append((figure.name, median { $0.more.indices.contains(index) ? $0.more[index].value : nil }))
    }
    self.members = members.compactMap { name, value in value.map { (name, $0) } }
  }

  subscript(_ name: String) -> Double? { members.first { $0.name == name }?.value }
}

/// The same asked of both.
struct Comparison {
  let name: String
  let keyval: Side
  let redis: Side

  /// Above 1 Keyval is ahead: it takes less processor time for a request, or answers more requests a second.
  var cpuRatio: Double { ratio(redis["processorMicroseconds"], keyval["processorMicroseconds"]) }
  var throughputRatio: Double { ratio(keyval["requestsPerSecond"], redis["requestsPerSecond"]) }
  var p99Ratio: Double { ratio(redis["p99Microseconds"], keyval["p99Microseconds"]) }
  /// The drones alone against Redis.
  var droneRatio: Double { ratio(redis["processorMicroseconds"], keyval["droneMicroseconds"]) }

  private func ratio(_ above: Double?, _ below: Double?) -> Double {
    guard let above, let below, below > 0 else { return .nan }
    return above / below
  }
}

/// A figure that is no request's: bytes of memory, or what is used while nothing is asked.
struct Figure {
  let name: String
  let unit: String
  let keyval: Double
  /// Nil: Redis has nothing like it.
  let redis: Double?
}
