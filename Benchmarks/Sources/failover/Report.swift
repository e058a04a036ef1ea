import Foundation

/// All readings, as one table or as JSON.
struct Report {
  struct Figure: Encodable, Equatable {
    let scenario: String
    let figure: String
    let unit: String
    let goal: Double?
    /// One a trial, in their order.
    var values: [Double]

    var sorted: [Double] { values.sorted() }
    /// Of an even number the mean of the middle two.
    var median: Double {
      let sorted = sorted
      return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
    var minimum: Double { sorted[0] }
    var maximum: Double { sorted[sorted.count - 1] }
    /// Of a time the median counts; what is counted has to hold in every trial.
    var isMet: Bool? { goal.map { (unit == "s" ? median : maximum) <= $0 } }

    enum CodingKeys: String, CodingKey {
      case scenario, figure, unit, goal, median, minimum, maximum, isMet, values
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(scenario, forKey: .scenario)
      try container.encode(figure, forKey: .figure)
      try container.encode(unit, forKey: .unit)
      try container.encodeIfPresent(goal, forKey: .goal)
      try container.encode(median, forKey: .median)
      try container.encode(minimum, forKey: .minimum)
      try container.encode(maximum, forKey: .maximum)
      try container.encodeIfPresent(isMet, forKey: .isMet)
      try container.encode(values, forKey: .values)
    }
  }

  private(set) var figures: [Figure] = []
  private var titles: [String: String] = [:]
  /// Writes that Keyval had acknowledged and did not have in the end.
  private(set) var lostByKeyval = 0

  mutating func add(_ readings: [Reading], of scenario: Scenario) {
    titles[scenario.name] = scenario.title
    for reading in readings {
      if reading.figure == Load.Outcome.lostFigure, !scenario.isRedis { lostByKeyval += Int(reading.value) }
      // A goal of Keyval's is none of another store.
      let goal = scenario.isRedis ? nil : reading.goal
      if let index = figures.firstIndex(where: { $0.scenario == scenario.name && $0.figure == reading.figure }
      ) {
        figures[index].values.append(reading.value)
      } else {
        figures.append(
          Figure(
            scenario: scenario.name, figure: reading.figure, unit: reading.unit.rawValue, goal: goal,
            values: [reading.value]))
      }
    }
  }

  static func text(_ value: Double, _ unit: Reading.Unit) -> String {
    switch unit {
    case .seconds: String(format: "%.2f s", value)
    case .count: String(format: "%.0f", value)
    case .rate: String(format: "%.0f/s", value)
    }
  }

  /// One table; above the figures of each scenario stands what was done.
  var table: String {
    let widths = [48, 10, 10, 10, 7, 8]
    func row(_ cells: [String]) -> String {
      zip(cells, widths).enumerated().map { index, cell in
        let blanks = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
        return index == 0 ? cell.0 + blanks : blanks + cell.0
      }.joined(separator: " ")
    }
    var lines = [row(["", "median", "minimum", "maximum", "trials", "goal"])]
    var scenario: String?
    for figure in figures {
      if figure.scenario != scenario {
        scenario = figure.scenario
        lines += ["", "\(titles[figure.scenario] ?? "") (\(figure.scenario))"]
      }
      let unit = Reading.Unit(rawValue: figure.unit) ?? .count
      let numbers = [figure.median, figure.minimum, figure.maximum].map { Self.text($0, unit) }
      let verdict = figure.isMet.map { $0 ? "  met" : "  NOT MET" } ?? ""
      let goal = figure.goal.map { Self.goal($0, unit) } ?? ""
      lines.append(row(["  " + figure.figure] + numbers + ["\(figure.values.count)", goal]) + verdict)
    }
    return lines.joined(separator: "\n")
  }

  private static func goal(_ goal: Double, _ unit: Reading.Unit) -> String {
    unit == .seconds ? "≤ " + String(format: "%.1f s", goal) : String(format: "%.0f", goal)
  }

  private struct File: Encodable {
    let machine: Machine
    let figures: [Figure]
    let problems: [String]
  }

  func json(machine: Machine, problems: [String]) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(File(machine: machine, figures: figures, problems: problems))
  }
}

/// How busy the machine is with other things.
struct Machine: Encodable {
  let cores = ProcessInfo.processInfo.activeProcessorCount
  /// Processes that wanted a core in the minute before the run.
  let loadBefore: Double

  init() {
    var load = 0.0
    loadBefore = getloadavg(&load, 1) == 1 ? load : 0
  }

  var sentence: String {
    let load = String(format: "%.1f", loadBefore)
    return "On \(cores) cores that also run the callers; \(load) processes wanted them in the minute before."
  }
}
