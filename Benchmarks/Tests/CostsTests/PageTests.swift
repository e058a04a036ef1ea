import Testing

@testable import costs

@Suite("The page") struct PageTests {
  /// What a machine would measure that follows a formula.
  static func figures() -> CostFigures {
    var figures = CostFigures(
      circumstances: .init(
        processor: "P", cores: 2, memory: 8 * 1_073_741_824, kernel: "6", keyval: "1", swift: "6.2",
        command: "./dev bench costs", rounds: 3, seconds: 0.5, othersKeptBusy: 0.25, duration: 61))
    for axis in Axis.allCases {
      for value in axis.values(isQuick: true) {
        let setting = axis.setting(at: value)
        let (size, pipeline) = (Double(setting.valueBytes), Double(setting.pipeline))
        let shadow = setting.drones > 1 ? 3.0 : 1
        figures.points += [
          .init(
            axis: axis, value: value, operation: .get,
            figures: [
              .droneMicroseconds: 0.5 + 0.0015 * size + 8 / pipeline, .requestBytes: 20 + 40 / pipeline,
              .answerBytes: 8 + size + 40 / pipeline, .requestsPerSecond: 1_234_567, .droneSpread: 0.1,
            ]),
          .init(
            axis: axis, value: value, operation: .put,
            figures: [
              .droneMicroseconds: shadow * (1 + 0.002 * size + 10 / pipeline),
              .databaseMicroseconds: 0.25 + 0.004 * size + 1 / pipeline,
              .requestBytes: 30 + size + 40 / pipeline,
              .answerBytes: 6 + 40 / pipeline, .nodeBytes: 50 + size,
            ]),
          .init(
            axis: axis, value: value, operation: .load,
            figures: [.entryBytes: 34 + size, .diskEntryBytes: 40 + size, .connectionBytes: 12_000]),
        ]
      }
    }
    figures.loadings = [
      .init(valueBytes: 32, entries: 1_000, entriesPerSecond: 2_000_000, entryBytes: 66, diskEntryBytes: 72),
      .init(
        valueBytes: 1_024, entries: 1_000, entriesPerSecond: 500_000, entryBytes: 1_100, diskEntryBytes: 1_200
      ),
    ]
    return figures
  }

  @Test("the template has a place for all that is told, and nothing is left open")
  func page() throws {
    let text = try Page(Self.figures()).text
    #expect(!text.contains("{{") && !text.contains("}}"))
    for axis in Axis.allCases { #expect(text.contains("](Costs/\(axis.rawValue).svg)")) }
    #expect(text.contains("| 65,536 |"))
    #expect(text.contains("1,230,000"))
    #expect(text.contains("Others kept 0.25 processors busy"))
  }

  @Test("formulas give back what the figures were made by")
  func formulas() throws {
    let model = try CostModel(Self.figures())
    #expect(abs(model.getDrone([1, 1_000, 1]) - 10) < 1e-6)
    #expect(abs(model.putDatabase([1, 0, 0.5]) - 0.75) < 1e-6)
    #expect(abs(model.shadowFactor - 3) < 1e-9)
    let table = Tables.formulas(model)
    #expect(table.contains("| get: the drone | µs | 0.50 + 0.00150 × bytes of value + 8.00 ÷ pipeline | 0.0"))
    #expect(table.contains("| an entry: memory of its owner | bytes | 34.0 + 1.00 × bytes of value |"))
  }

  @Test("100 GB take the memory of both copies, and a machine to spare")
  func sizing() throws {
    var given = Sizing.Assumptions()
    (given.payload, given.memory, given.filled, given.loaded) = (48_000, 100_000, 0.5, 1)
    (given.network, given.cores) = (1_000_000, 1)
    let model = try CostModel(Self.figures())
    let measured = CostFigures.Loading(
      valueBytes: 32, entries: 10, entriesPerSecond: 500, entryBytes: 66, diskEntryBytes: 72)
    let sizing = Sizing(measured, model, given)
    #expect(sizing.entries == 1_000)
    #expect(abs(sizing.ownedMemory - 66_000) < 0.1 && abs(sizing.memory - 132_000) < 0.1)
    // 132,000 of 50,000 each are three machines, and one.
    #expect(sizing.drones == 4)
    #expect(abs(sizing.disk - 72_000) < 0.1)
    #expect(abs(sizing.getsByCores / (4e6 / 1.048) - 1) < 1e-6)
    #expect(abs(sizing.putsByCores / (4e6 / (1.689 * 3)) - 1) < 1e-6)
    // 65 bytes a get, of which 16 make one segment with 90 bytes around it.
    #expect(abs(sizing.getsByNetwork / (4e6 / (65 + 90.0 / 16)) - 1) < 1e-6)
    #expect(sizing.loading == 2 && sizing.failover == 2)
    #expect(abs(sizing.copying - 132_000 / 4 / 3e6) < 1e-9)
  }

  @Test("figures of a part of the axes make no page")
  func partial() {
    var figures = Self.figures()
    figures.points.removeAll { $0.axis == .drones }
    #expect(throws: LeastSquares.NotDetermined.self) { try Page(figures) }
  }

  @Test("figures come back from JSON as they were, and medians are of each quantity by itself")
  func json() throws {
    let figures = Self.figures()
    #expect(try CostFigures(json: figures.json()) == figures)
    let medians = Medians.of([
      [.droneMicroseconds: 1, .p99Microseconds: 9], [.droneMicroseconds: 2, .p99Microseconds: 7],
      [.droneMicroseconds: 4, .p99Microseconds: 8],
    ])
    #expect(medians == [.droneMicroseconds: 2, .p99Microseconds: 8, .droneSpread: 1.5])
  }
}
