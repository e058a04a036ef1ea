import Testing

@testable import costs

@Suite("A formula fitted to measurements") struct LeastSquaresTests {
  @Test("what was made by a formula gives its coefficients back, however different their sizes")
  func exact() throws {
    let meant: [Double] = [0.25, 0.0004, 6]
    var (rows, values): ([[Double]], [Double]) = ([], [])
    for bytes: Double in [16, 1_024, 65_536] {
      for pipeline: Double in [1, 16, 256] {
        rows.append([1, bytes, 1 / pipeline])
        values.append(meant[0] + meant[1] * bytes + meant[2] / pipeline)
      }
    }
    let fit = try LeastSquares(rows, values)
    for (found, meant) in zip(fit.coefficients, meant) { #expect(abs(found / meant - 1) < 1e-9) }
    #expect(fit.error < 1e-9 && fit.worst < 1e-9)
    #expect(abs(fit([1, 1_000, 0.5]) - 3.65) < 1e-9)
  }

  @Test("of what no formula meets, the error is told, as a share of what was measured")
  func inexact() throws {
    let fit = try LeastSquares([[1], [1]], [90, 110])
    // The shares' squares are least there: a little below the mean.
    #expect(fit.coefficients[0] > 97 && fit.coefficients[0] < 99)
    #expect(abs(fit.worst - abs(fit.coefficients[0] - 110) / 110) < 1e-12)
    #expect(fit.error > 0.09 && fit.error < 0.11)
  }

  @Test("too few measurements, terms that are alike and values that are not above 0 determine nothing")
  func undetermined() {
    #expect(throws: LeastSquares.NotDetermined.self) { try LeastSquares([[1, 2]], [1]) }
    #expect(throws: LeastSquares.NotDetermined.self) {
      try LeastSquares([[1, 2], [2, 4], [3, 6]], [1, 2, 3])
    }
    #expect(throws: LeastSquares.NotDetermined.self) { try LeastSquares([[1], [1]], [1, 0]) }
    #expect(throws: LeastSquares.NotDetermined.self) { try LeastSquares([], []) }
  }
}
