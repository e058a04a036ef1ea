import Foundation

/// A sum of terms, each with a coefficient, fitted to measured values.
struct LeastSquares: Equatable, Sendable {
  let coefficients: [Double]
  /// The root of the mean of the squares of what the formula is off, as a share of the measured value.
  let error: Double
  /// The most that it is off, as such a share.
  let worst: Double

  struct NotDetermined: Error, Equatable {}

  /// It is the shares that the formula is off whose squares are least: costs of one and of hundreds of microseconds count
  /// alike.
  /// - Parameters:
  ///   - rows: the terms of each measurement.
  ///   - values: what was measured, each above 0.
  /// - Throws: ``NotDetermined`` when the measurements do not tell the terms apart, or a value is not above 0.
  init(_ rows: [[Double]], _ values: [Double]) throws(NotDetermined) {
    let count = rows.first?.count ?? 0
    guard rows.count == values.count, count > 0, rows.count >= count,
      rows.allSatisfy({ $0.count == count }), values.allSatisfy({ $0 > 0 && $0.isFinite })
    else { throw NotDetermined() }
    // Terms of very different sizes are brought to one before they are told apart.
    let scales = (0..<count).map { column in rows.map { abs($0[column]) }.max() ?? 0 }
    guard scales.allSatisfy({ $0 > 0 && $0.isFinite }) else { throw NotDetermined() }
    let scaled = zip(rows, values).map { row, value in zip(row, scales).map { $0 / $1 / value } }
    var system = (0..<count).map { line in
      (0..<count).map { column in scaled.reduce(0) { $0 + $1[line] * $1[column] } }
        + [scaled.reduce(0) { $0 + $1[line] }]
    }
    let solution = try Self.solve(&system)
    let coefficients = zip(solution, scales).map { $0 / $1 }
    self.coefficients = coefficients
    let shares = zip(rows, values).map { row, value in abs(Self.sum(coefficients, row) - value) / value }
    error = (shares.reduce(0) { $0 + $1 * $1 } / Double(shares.count)).squareRoot()
    worst = shares.max() ?? 0
  }

  /// What the formula says of some terms.
  func callAsFunction(_ row: [Double]) -> Double { Self.sum(coefficients, row) }

  private static func sum(_ coefficients: [Double], _ row: [Double]) -> Double {
    zip(coefficients, row).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// By elimination, the largest pivot first.
  private static func solve(_ system: inout [[Double]]) throws(NotDetermined) -> [Double] {
    let count = system.count
    let largest = system.flatMap { $0.dropLast() }.map(abs).max() ?? 0
    for column in 0..<count {
      let pivot = (column..<count).max { abs(system[$0][column]) < abs(system[$1][column]) } ?? column
      guard abs(system[pivot][column]) > largest * 1e-13 else { throw NotDetermined() }
      system.swapAt(column, pivot)
      for line in 0..<count where line != column {
        let factor = system[line][column] / system[column][column]
        for position in column...count { system[line][position] -= factor * system[column][position] }
      }
    }
    return (0..<count).map { system[$0][count] / system[$0][$0] }
  }
}
