/// What is held to be true of sizes that were not measured: formulas fitted to those that were.
struct CostModel: Sendable {
  /// Microseconds of processor time a request, of one drone: 1, bytes of value, 1 ÷ pipeline.
  let getDrone: LeastSquares
  let putDrone: LeastSquares
  /// The same of the database.
  let putDatabase: LeastSquares
  /// Bytes by TCP a request, both ways: 1, bytes of value, 1 ÷ pipeline.
  let getWire: LeastSquares
  let putWire: LeastSquares
  /// Bytes an entry: 1, bytes of value.
  let entryMemory: LeastSquares
  let entryDisk: LeastSquares
  /// What the drones take for a put that has a shadow, over that of one that has none.
  let shadowFactor: Double
  /// Bytes of memory of an open session.
  let session: Double

  /// - Throws: `LeastSquares.NotDetermined`, also when figures are missing.
  init(_ figures: CostFigures) throws(LeastSquares.NotDetermined) {
    func request(
      _ operation: CostFigures.Operation, _ cost: (CostFigures.Point) -> Double?
    ) throws(LeastSquares.NotDetermined) -> LeastSquares {
      let measured = figures.points.compactMap { point -> (terms: [Double], value: Double)? in
        guard point.operation == operation, point.axis == .valueBytes || point.axis == .pipeline,
          let value = cost(point)
        else { return nil }
        let setting = point.axis.setting(at: point.value)
        return (Self.request(valueBytes: setting.valueBytes, pipeline: setting.pipeline), value)
      }
      return try LeastSquares(measured.map(\.terms), measured.map(\.value))
    }
    func entry(_ quantity: Quantity) throws(LeastSquares.NotDetermined) -> LeastSquares {
      let measured = figures.series(.valueBytes, .load, quantity)
      return try LeastSquares(
        measured.map { Self.entry(valueBytes: Int($0.x)) }, measured.map(\.y))
    }
    getDrone = try request(.get) { $0.figures[.droneMicroseconds] }
    putDrone = try request(.put) { $0.figures[.droneMicroseconds] }
    putDatabase = try request(.put) { $0.figures[.databaseMicroseconds] }
    getWire = try request(.get, Self.wire)
    putWire = try request(.put, Self.wire)
    entryMemory = try entry(.entryBytes)
    entryDisk = try entry(.diskEntryBytes)
    let puts = figures.series(.drones, .put, .droneMicroseconds)
    guard let alone = puts.first(where: { $0.x == 1 })?.y, let shadowed = puts.first(where: { $0.x == 2 })?.y,
      let session = figures.series(.connections, .load, .connectionBytes).last?.y, alone > 0
    else { throw LeastSquares.NotDetermined() }
    shadowFactor = shadowed / alone
    self.session = session
  }

  private static func wire(_ point: CostFigures.Point) -> Double? {
    guard let request = point.figures[.requestBytes], let answer = point.figures[.answerBytes] else {
      return nil
    }
    return request + answer
  }

  /// The terms of a request.
  static func request(valueBytes: Int, pipeline: Int) -> [Double] {
    [1, Double(valueBytes), 1 / Double(pipeline)]
  }

  /// The terms of an entry.
  static func entry(valueBytes: Int) -> [Double] { [1, Double(valueBytes)] }
}
