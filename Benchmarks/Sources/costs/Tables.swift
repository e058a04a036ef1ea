import Foundation

/// Tables of the page, in Markdown.
enum Tables {
  /// What was measured along an axis: of gets, of puts, and of memory where that was.
  static func axis(_ axis: Axis, _ figures: CostFigures) -> String {
    let tables = CostFigures.Operation.allCases.compactMap { table(axis, $0, figures) }
    return tables.joined(separator: "\n\n")
  }

  private static func table(
    _ axis: Axis, _ operation: CostFigures.Operation, _ figures: CostFigures
  ) -> String? {
    let points = figures.points.filter { $0.axis == axis && $0.operation == operation }
    let columns = columns(operation).filter { column in
      column.axes.contains(axis) && points.contains { $0.figures[column.quantity] != nil }
    }
    guard !columns.isEmpty else { return nil }
    let rows = points.map { point in
      [Numbers.grouped(point.value)]
        + columns.map { point.figures[$0.quantity].map($0.text) ?? "–" }
    }
    let name = operation == .load ? "memory, bytes" : operation.rawValue
    return markdown(["**\(name)**, \(axis.label)"] + columns.map(\.title), rows)
  }

  private struct Column {
    let title: String
    let quantity: Quantity
    /// Along which it says something.
    var axes = Axis.allCases
    var text: @Sendable (Double) -> String = Numbers.text
  }

  private static func columns(_ operation: CostFigures.Operation) -> [Column] {
    if operation == .load {
      return [
        Column(title: "an entry", quantity: .entryBytes, axes: [.valueBytes, .drones]),
        Column(title: "disk an entry", quantity: .diskEntryBytes, axes: [.valueBytes]),
        Column(title: "a session", quantity: .connectionBytes, axes: [.connections]),
      ]
    }
    let stores = [
      Column(title: "database µs", quantity: .databaseMicroseconds),
      Column(
        title: "bytes between nodes", quantity: .nodeBytes, axes: [.valueBytes, .pipeline, .loops, .drones]),
      Column(title: "bytes to disk", quantity: .writtenBytes),
      Column(title: "asked again", quantity: .retries, axes: [.valueBytes, .connections]),
    ]
    return [
      Column(title: "drone µs", quantity: .droneMicroseconds),
      Column(title: "± %", quantity: .droneSpread) { Numbers.text($0 * 50) },
      Column(title: "requests/s", quantity: .requestsPerSecond),
      Column(title: "p99 ms", quantity: .p99Microseconds) { Numbers.text($0 / 1_000) },
      Column(title: "bytes out", quantity: .requestBytes), Column(title: "bytes in", quantity: .answerBytes),
    ] + (operation == .put ? stores : [])
  }

  /// The fitted formulas, with what they are off.
  static func formulas(_ model: CostModel) -> String {
    let request = ["", "× bytes of value", "÷ pipeline"]
    let entry = ["", "× bytes of value"]
    let all: [(String, String, LeastSquares, [String])] = [
      ("get: the drone", "µs", model.getDrone, request), ("put: the drone", "µs", model.putDrone, request),
      ("put: the database", "µs", model.putDatabase, request),
      ("get: by TCP, both ways", "bytes", model.getWire, request),
      ("put: by TCP, both ways", "bytes", model.putWire, request),
      ("an entry: memory of its owner", "bytes", model.entryMemory, entry),
      ("an entry: disk of the database", "bytes", model.entryDisk, entry),
    ]
    return markdown(
      ["cost", "unit", "formula", "off by, root mean square", "at most"],
      all.map { name, unit, fit, terms in
        [
          name, unit, formula(fit.coefficients, terms), Numbers.percent(fit.error),
          Numbers.percent(fit.worst),
        ]
      })
  }

  private static func formula(_ coefficients: [Double], _ terms: [String]) -> String {
    zip(coefficients, terms).enumerated().map { index, part in
      let sign = part.0 < 0 ? "− " : index == 0 ? "" : "+ "
      let number = Numbers.text(abs(part.0))
      return "\(sign)\(number)\(part.1.isEmpty ? "" : " \(part.1)")"
    }.joined(separator: " ")
  }

  static func loadings(_ loadings: [CostFigures.Loading]) -> String {
    markdown(
      ["bytes of a value", "entries", "entries a second", "memory an entry", "disk an entry"],
      loadings.map {
        [
          Numbers.grouped($0.valueBytes), Numbers.grouped($0.entries), Numbers.text($0.entriesPerSecond),
          Numbers.text($0.entryBytes), Numbers.text($0.diskEntryBytes),
        ]
      })
  }

  /// What follows for many entries, a column a size.
  static func sizes(_ sizings: [Sizing]) -> String {
    func row(_ name: String, _ value: (Sizing) -> String) -> [String] { [name] + sizings.map(value) }
    func gigabytes(_ bytes: Double) -> String { "\(Numbers.text(bytes / 1e9)) GB" }
    func millions(_ rate: Double) -> String { "\(Numbers.text(rate / 1e6)) M/s" }
    func time(_ seconds: Double) -> String {
      seconds < 120 ? "\(Numbers.text(seconds)) s" : "\(Numbers.text(seconds / 60)) min"
    }
    return markdown(
      [""] + sizings.map { "\(Setting.keyBytes) + \(Numbers.grouped($0.valueBytes)) bytes" },
      [
        row("entries") { "\(Numbers.text($0.entries / 1e6)) M" },
        row("memory of the owners") { gigabytes($0.ownedMemory) },
        row("… and of the shadows with them") { gigabytes($0.memory) },
        row("machines with a drone, one of them to spare") { Numbers.whole($0.drones) },
        row("disk of the database") { gigabytes($0.disk) },
        row("gets a second, by the drones' cores") { millions($0.getsByCores) },
        row("gets a second, by their network") { millions($0.getsByNetwork) },
        row("puts a second with a shadow, by the drones' cores") { millions($0.putsByCores) },
        row("puts a second, by one core of the database") { millions($0.putsByDatabase) },
        row("all entries again after a restart, at one database's rate") { time($0.loading) },
        row("… of that the database's network") { time($0.loadingByNetwork) },
        row("a machine dies: no owner for at most") { time($0.failover) },
        row("… and all copies are there again after, by the network") { time($0.copying) },
      ])
  }

  /// The first column to the left, the others to the right.
  static func markdown(_ head: [String], _ rows: [[String]]) -> String {
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
    let rule = head.indices.map { $0 == 0 ? "---" : "--:" }
    return ([line(head), line(rule)] + rows.map(line)).joined(separator: "\n")
  }
}
