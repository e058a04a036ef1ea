import Foundation

/// The page: the template beside this file, with what was measured.
struct Page {
  let text: String

  /// - Throws: `Template.Mismatch`, and `LeastSquares.NotDetermined` for figures that are not those of a whole run.
  init(_ figures: CostFigures) throws {
    let model = try CostModel(figures)
    var values = Self.circumstances(figures.circumstances)
    for axis in Axis.allCases {
      values["\(axis.rawValue)Plot"] = "Costs/\(Plot.file(axis))"
      values["\(axis.rawValue)Table"] = Tables.axis(axis, figures)
    }
    values["formulas"] = Tables.formulas(model)
    values["loadings"] = Tables.loadings(figures.loadings)
    values["sizes"] = try Tables.sizes(Self.sizings(figures.loadings, model))
    values["shadowFactor"] = Numbers.text(model.shadowFactor)
    values["session"] = Numbers.text(model.session)
    values.merge(Self.assumptions(Sizing.Assumptions())) { $1 }
    values.merge(Self.defaults()) { $1 }
    text = try Template(text: Self.template).filled(with: values)
  }

  static var template: String { String(decoding: PackageResources.Costs_md_template, as: UTF8.self) }

  private static func sizings(_ loadings: [CostFigures.Loading], _ model: CostModel) throws -> [Sizing] {
    guard loadings.allSatisfy({ $0.entriesPerSecond > 0 }), !loadings.isEmpty else {
      throw LeastSquares.NotDetermined()
    }
    return loadings.map { Sizing($0, model) }
  }

  private static func circumstances(_ run: CostFigures.Circumstances) -> [String: String] {
    [
      "processor": run.processor, "cores": "\(run.cores)",
      "memory": Numbers.whole(run.memory / 1_073_741_824), "kernel": run.kernel, "keyval": run.keyval,
      "swift": run.swift, "command": run.command, "rounds": "\(run.rounds)",
      "seconds": Numbers.text(run.seconds), "busy": String(format: "%.2f", run.othersKeptBusy),
      "minutes": "\(Int((run.duration / 60).rounded(.up)))",
    ]
  }

  private static func defaults() -> [String: String] {
    let setting = Setting()
    return [
      "keyBytes": "\(Setting.keyBytes)", "valueBytes": "\(setting.valueBytes)",
      "pipeline": "\(setting.pipeline)", "connections": "\(setting.connections)", "loops": "\(setting.loops)",
    ]
  }

  private static func assumptions(_ given: Sizing.Assumptions) -> [String: String] {
    [
      "machineMemory": Numbers.whole(given.memory / 1_073_741_824),
      "machineCores": Numbers.whole(given.cores),
      "machineNetwork": Numbers.whole(given.network * 8 / 1e9),
      "filled": "\(Numbers.whole(given.filled * 100)) %",
      "loaded": "\(Numbers.whole(given.loaded * 100)) %", "payload": Numbers.whole(given.payload / 1e9),
      "lease": Numbers.whole(given.lease), "segmentBytes": Numbers.whole(given.segmentBytes),
      "segmentContent": Numbers.whole(given.segmentContent),
    ]
  }
}
