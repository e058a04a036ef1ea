import Foundation
import Load
import Measuring

/// Measures along one axis. Each point has a cluster and sessions of its own, all at the same time, and the points have
/// turns: what the machine does meanwhile meets all of them alike.
struct Sweep {
  let axis: Axis
  let pace: Pace

  struct Pace: Sendable {
    let isQuick: Bool
    var rounds: Int { isQuick ? 3 : 5 }
    var seconds: Double { isQuick ? 0.6 : 1.2 }
    /// How many entries are loaded again, of how many bytes of value.
    var loadings: [(valueBytes: Int, entries: Int)] {
      isQuick ? [(32, 400_000), (1_024, 100_000)] : [(32, 1_000_000), (1_024, 250_000)]
    }
  }

  /// - Returns: points, and how many processors others kept busy.
  func run(in directory: String) async throws -> (points: [CostFigures.Point], othersKeptBusy: Double) {
    let values = axis.values(isQuick: pace.isQuick)
    let stages = try await stages(values, in: directory)
    // What was needed for the puts alone is given back when nothing has come for a while.
    try await Task.sleep(for: .seconds(4))
    var points = try stages.all.map { value, stage in
      CostFigures.Point(axis: axis, value: value, operation: .load, figures: try stage.residentFigures())
    }
    let bystanders = try Bystanders { stages.all.flatMap { $0.stage.processes } }
    for (operation, mix) in [(CostFigures.Operation.get, OperationMix.get), (.put, .put)] {
      points += try await measure(values, stages, operation, mix)
    }
    let busy = try bystanders.processors
    for (_, stage) in stages.all { try await stage.close() }
    return (points, busy)
  }

  /// One for each set of points that can share it.
  private struct Stages {
    /// With the first point of each.
    var all: [(value: Int, stage: Stage)] = []
    subscript(_ setting: Setting) -> Stage? { all.first { $0.stage.setting == setting.ofCluster }?.stage }
  }

  private func stages(_ values: [Int], in directory: String) async throws -> Stages {
    var stages = Stages()
    for value in values {
      let setting = axis.setting(at: value).ofCluster
      guard stages[setting] == nil else { continue }
      say("\(axis.rawValue): a cluster for \(axis == .pipeline ? "all values" : "\(value)")")
      stages.all.append((value, try await Stage(setting, in: "\(directory)/\(axis.rawValue)-\(value)")))
    }
    return stages
  }

  private func measure(
    _ values: [Int], _ stages: Stages, _ operation: CostFigures.Operation, _ mix: OperationMix
  ) async throws -> [CostFigures.Point] {
    var rounds: [[[Quantity: Double]]] = values.map { _ in [] }
    for round in 0..<pace.rounds {
      say("\(axis.rawValue): \(operation.rawValue), round \(round + 1) of \(pace.rounds)")
      // Who begins changes from round to round.
      for index in round.isMultiple(of: 2) ? Array(values.indices) : values.indices.reversed() {
        let setting = axis.setting(at: values[index])
        guard let stage = stages[setting] else { continue }
        do {
          rounds[index].append(
            try await stage.measure(mix, pipeline: setting.pipeline, seconds: pace.seconds))
        } catch {
          throw BenchmarkError("\(axis.rawValue) \(values[index]), \(operation.rawValue): \(error)")
        }
      }
    }
    return zip(values, rounds).map { value, rounds in
      .init(axis: axis, value: value, operation: operation, figures: Medians.of(rounds))
    }
  }
}
