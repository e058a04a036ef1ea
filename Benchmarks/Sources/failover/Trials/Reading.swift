/// What one trial measured of one figure.
struct Reading {
  enum Unit: String {
    case seconds = "s"
    case count = ""
    case rate = "/s"
  }

  let figure: String
  let value: Double
  let unit: Unit
  /// The value is to be at most this.
  let goal: Double?

  init(_ figure: String, _ time: Duration, goal: Double? = nil) {
    self.figure = figure
    value = time / .seconds(1)
    unit = .seconds
    self.goal = goal
  }

  init(_ figure: String, count: Int, goal: Double? = nil) {
    self.figure = figure
    value = Double(count)
    unit = .count
    self.goal = goal
  }

  init(_ figure: String, rate: Double) {
    self.figure = figure
    value = rate
    unit = .rate
    goal = nil
  }
}

extension Load.Outcome {
  static let lostFigure = "acknowledged writes lost"

  /// - Parameter failedGoal: how many requests may fail, where that is a goal.
  func readings(failedGoal: Double?) -> [Reading] {
    [
      Reading("requests failed", count: failures.count, goal: failedGoal),
      Reading(Self.lostFigure, count: lost, goal: 0), Reading("reads that were stale", count: stale, goal: 0),
    ]
  }
}
