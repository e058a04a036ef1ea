import ArgumentParser
import Foundation
import Measuring

/// Where the figures, the plots and the page go.
struct OutputPlace {
  private let directory: URL
  private let json: String?

  /// What `sysexits.h` calls EX_CANTCREAT.
  private static let cannotCreate = ExitCode(73)

  /// - Throws: exit status 73, behind a sentence, where nothing can be written.
  init(directory path: String, json: String?) throws {
    directory = URL(filePath: path)
    self.json = json
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue
    else {
      throw Self.refused("\(path) is no directory: make it, or name another with --output")
    }
    do {
      try FileManager.default.createDirectory(at: plots, withIntermediateDirectories: true)
      try Data().write(to: plots.appending(path: ".writable"))
      try FileManager.default.removeItem(at: plots.appending(path: ".writable"))
      if let json, !FileManager.default.fileExists(atPath: json) { try Data().write(to: URL(filePath: json)) }
    } catch {
      throw Self.refused("nothing can be written to \(json ?? path): \(error.localizedDescription)")
    }
  }

  private var plots: URL { directory.appending(path: "Costs") }

  private static func refused(_ sentence: String) -> ExitCode {
    say("costs: \(sentence)")
    return cannotCreate
  }

  /// - Parameter page: whether all was measured that the page tells of.
  func write(_ figures: CostFigures, page: Bool) throws {
    let data = try figures.json()
    if let json { try data.write(to: URL(filePath: json)) }
    guard page else { return }
    try data.write(to: plots.appending(path: "figures.json"))
    for plot in Plot.all(figures) {
      try Data(plot.svg.utf8).write(to: plots.appending(path: plot.file))
    }
    let text = try Page(figures).text
    let file = directory.appending(path: "Costs.md")
    try Data(text.utf8).write(to: file)
    print("The page is \(file.relativePath).")
  }
}
