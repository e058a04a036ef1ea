import Cluster
import Load

/// What `keyval bench` says at its end.
struct LoadReport {
  private let plan: LoadPlan
  private let connections: Int
  private let loops: Int
  private let loaded: LoadOutcome?
  private let outcome: LoadOutcome

  init(plan: LoadPlan, connections: Int, loops: Int, loaded: LoadOutcome?, _ outcome: LoadOutcome) {
    self.plan = plan
    self.connections = connections
    self.loops = loops
    self.loaded = loaded
    self.outcome = outcome
  }

  private static let percentiles = [50, 90, 99, 99.9, 99.99]

  /// Each by its name, if it is not 0 or always told.
  private var troubles: [(name: String, sentence: String, count: UInt64)] {
    [
      ("misses", "gets of keys without a value (--load puts them all first)", outcome.misses),
      ("retries", "asked again, since the drone had said to come later", outcome.retries),
      ("moved", "not executed: another drone serves the key by now", outcome.moved),
      ("unknown", "puts of which the drone does not know what became", outcome.unknown),
      ("lost", "without an answer: the session ended", outcome.lost),
      ("unsent", "due and never executed: the rate is more than was answered", outcome.unsent),
    ]
  }

  var text: String {
    var lines: [String] = []
    if let loaded {
      lines.append("loaded \(loaded.answered) keys in \(Self.decimal(loaded.seconds)) s")
    }
    let pace = plan.rate.map { ", \($0) a second" } ?? ""
    lines.append(
      "\(plan.mix.name): \(connections) connections, pipeline \(plan.depth)\(pace), \(plan.keys.count) keys of "
        + "\(plan.keys.length) bytes, values of \(plan.valueBytes)")
    lines.append(
      "\(outcome.answered) requests in \(Self.decimal(outcome.seconds)) s: "
        + "\(UInt64(outcome.perSecond)) a second")
    let head = ["latency in ms", "requests", "mean", "50 %", "90 %", "99 %", "99.9 %", "99.99 %", "maximum"]
    lines.append(TextTable.render([head] + kinds.map(Self.row)))
    for trouble in troubles where trouble.count > 0 { lines.append("\(trouble.count) \(trouble.sentence)") }
    lines.append("this program took \(Self.decimal(outcome.cost)) µs of processor time for a request")
    return lines.map { $0.hasSuffix("\n") ? $0 : $0 + "\n" }.joined()
  }

  private var kinds: [(String, LoadOutcome.Latencies)] {
    [("get", outcome.gets), ("put", outcome.puts), ("all", outcome.all)].filter { $0.1.count > 0 }
  }

  private static func row(_ name: String, _ latencies: LoadOutcome.Latencies) -> [String] {
    [name, String(latencies.count), decimal(latencies.mean / 1e6)]
      + percentiles.map { decimal(Double(latencies.percentile($0)) / 1e6) }
      + [decimal(Double(latencies.maximum) / 1e6)]
  }

  private static func decimal(_ value: Double) -> String { JSONText.decimal(value).description }

  var json: String {
    var members: [(String, JSONText)] = [
      ("mix", .text(plan.mix.name)), ("connections", .number(UInt64(connections))),
      ("pipeline", .number(UInt64(plan.depth))), ("loops", .number(UInt64(loops))),
      ("keys", .number(UInt64(plan.keys.count))), ("keyBytes", .number(UInt64(plan.keys.length))),
      ("valueBytes", .number(UInt64(plan.valueBytes))), ("distribution", .text(plan.distribution.rawValue)),
      ("level", plan.level.map { .text($0.name) } ?? .null), ("rate", plan.rate.map { .number($0) } ?? .null),
      ("loadSeconds", loaded.map { .decimal($0.seconds) } ?? .null), ("seconds", .decimal(outcome.seconds)),
      ("requests", .number(outcome.answered)), ("requestsPerSecond", .decimal(outcome.perSecond)),
      ("processorMicrosecondsPerRequest", .decimal(outcome.cost)),
    ]
    members += troubles.map { ($0.name, .number($0.count)) }
    let latencies = kinds.map { name, latencies in
      (name, JSONText.object(Self.members(latencies)))
    }
    members.append(("latencyMicroseconds", .object(latencies)))
    return "\(JSONText.object(members))\n"
  }

  private static func members(_ latencies: LoadOutcome.Latencies) -> [(String, JSONText)] {
    [("requests", .number(latencies.count)), ("mean", .decimal(latencies.mean / 1e3))]
      + percentiles.map { ("p\(name($0))", .decimal(Double(latencies.percentile($0)) / 1e3)) }
      + [("maximum", .decimal(Double(latencies.maximum) / 1e3))]
  }

  private static func name(_ percent: Double) -> String {
    percent == percent.rounded() ? String(Int(percent)) : String(percent)
  }
}
