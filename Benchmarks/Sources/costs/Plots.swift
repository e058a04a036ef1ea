/// Which figures are drawn.
extension Plot {
  static func all(_ figures: CostFigures) -> [Plot] {
    Axis.allCases.map { axis in Plot(file: file(axis), charts: charts(axis, figures)) }
  }

  static func file(_ axis: Axis) -> String { "\(axis.rawValue).svg" }

  private static func charts(_ axis: Axis, _ figures: CostFigures) -> [Chart] {
    let label = axis.label
    func chart(_ title: String, _ unit: String, _ lines: [Line], _ scale: Chart.Scale) -> Chart? {
      let series = lines.compactMap { line -> Chart.Series? in
        let points = figures.series(axis, line.operation, line.quantity).filter { $0.y > 0 }
        return points.isEmpty ? nil : Chart.Series(name: line.name, points: points)
      }
      guard !series.isEmpty else { return nil }
      return Chart(title: title, xLabel: label, yLabel: unit, yScale: scale, series: series)
    }
    let isLinear = axis == .loops || axis == .drones || axis == .connections
    let processor = chart("Processor time", "µs a request", Line.processor, isLinear ? .linear : .logarithmic)
    let wire = chart(
      "On the wire", "bytes a request", Line.wire, axis == .valueBytes ? .logarithmic : .linear)
    let memory = chart("Memory and disk", "bytes an entry", Line.memory, .logarithmic)
    let session = chart("Memory of a session", "bytes", Line.session, .linear)
    let charts =
      switch axis {
      case .valueBytes: [processor, wire, memory]
      case .pipeline: [processor, wire]
      case .connections: [processor, session]
      case .loops: [processor]
      case .drones: [processor, wire]
      }
    return charts.compactMap { $0 }
  }

  /// A series: which figures, and what they are called.
  private struct Line {
    let name: String
    let operation: CostFigures.Operation
    let quantity: Quantity

    static let processor = [
      Line(name: "get, drones", operation: .get, quantity: .droneMicroseconds),
      Line(name: "put, drones", operation: .put, quantity: .droneMicroseconds),
      Line(name: "put, database", operation: .put, quantity: .databaseMicroseconds),
    ]
    static let wire = [
      Line(name: "get, question", operation: .get, quantity: .requestBytes),
      Line(name: "get, answer", operation: .get, quantity: .answerBytes),
      Line(name: "put, question", operation: .put, quantity: .requestBytes),
      Line(name: "put, answer", operation: .put, quantity: .answerBytes),
      Line(name: "put, between nodes", operation: .put, quantity: .nodeBytes),
    ]
    static let memory = [
      Line(name: "memory of the drone", operation: .load, quantity: .entryBytes),
      Line(name: "disk of the database", operation: .load, quantity: .diskEntryBytes),
    ]
    static let session = [
      Line(name: "a session that is open", operation: .load, quantity: .connectionBytes)
    ]
  }
}

extension Axis {
  /// With the unit.
  var label: String {
    switch self {
    case .valueBytes: "bytes of a value"
    case .pipeline: "requests under way on a connection"
    case .connections: "connections"
    case .loops: "event loops of the drone"
    case .drones: "drones"
    }
  }
}
