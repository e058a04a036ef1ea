import ArgumentParser
import Foundation
import Measuring

/// What requests, entries and sessions cost as their sizes and numbers grow, and what follows for many of them.
@main
struct CostsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "costs",
    abstract: "Measures what requests, entries and sessions cost, and makes a page of it.",
    discussion: """
      Processor time, bytes by TCP and memory, as values, pipelines, connections, event loops and drones grow; one of them \
      at a time. The figures go to Costs/figures.json, the plots beside them, and the page to Costs.md. Progress goes to \
      standard error. Takes a quarter of an hour, and the machine should do nothing else.
      """)

  @Flag(help: "Fewer points and shorter rounds: five minutes.") var quick = false
  @Option(help: "Write the figures as JSON to this file, too.") var json: String?
  @Option(help: "The directory of the page, which must be there.") var output = "Benchmarks"
  @Option(help: "Measure nothing: make the page of these figures, which an earlier run has written.")
  var from: String?
  @Option(
    help: "Only these axes (\(Axis.allCases.map(\.rawValue).joined(separator: ", "))); no page is made then.")
  var only: [Axis] = []
  @Flag(help: "Leave the directory with the clusters' logs behind.") var keep = false

  func validate() throws {
    if from != nil, quick || !only.isEmpty {
      throw ValidationError("--from measures nothing: there is no --quick and no --only beside it")
    }
    if !only.isEmpty, json == nil { throw ValidationError("--only makes no page: say --json FILE, too") }
  }

  func run() async throws {
    // Before anything is measured: a quarter of an hour is not for nothing.
    let place = try OutputPlace(directory: output, json: json)
    let figures = if let from { try Self.read(from) } else { try await measure() }
    try place.write(figures, page: only.isEmpty)
  }

  private static func read(_ path: String) throws -> CostFigures {
    do {
      return try CostFigures(json: Data(contentsOf: URL(filePath: path)))
    } catch {
      throw ValidationError("\(path) has no figures of an earlier run: \(error.localizedDescription)")
    }
  }

  private func measure() async throws -> CostFigures {
    let directory = "/tmp/keyval-costs.\(getpid())"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    let interruption = Interruption { Estate.takeDown() }
    defer { interruption.end() }
    let pace = Sweep.Pace(isQuick: quick)
    let began = ContinuousClock.now
    do {
      var figures = CostFigures(
        circumstances: await MeasuredMachine.circumstances(
          pace, command: "./dev bench costs\(quick ? " --quick" : "")", in: directory))
      for axis in Axis.allCases where only.isEmpty || only.contains(axis) {
        let (points, busy) = try await Sweep(axis: axis, pace: pace).run(in: directory)
        figures.points += points
        figures.circumstances.othersKeptBusy = max(figures.circumstances.othersKeptBusy, busy)
      }
      if only.isEmpty { figures.loadings = try await loadings(pace, in: directory) }
      figures.circumstances.duration = (ContinuousClock.now - began) / .seconds(1)
      if !keep { try? FileManager.default.removeItem(atPath: directory) }
      say("All of it took \(Int(figures.circumstances.duration)) s.")
      return figures
    } catch {
      Estate.takeDown()
      say("not measured: \(error)")
      say("The logs are in \(directory).")
      throw ExitCode(1)
    }
  }

  private func loadings(_ pace: Sweep.Pace, in directory: String) async throws -> [CostFigures.Loading] {
    var loadings: [CostFigures.Loading] = []
    for (valueBytes, entries) in pace.loadings {
      say("loading \(entries) entries of \(valueBytes) bytes of value again")
      var setting = Setting()
      setting.valueBytes = valueBytes
      let stage = try await Stage(setting, keys: entries, in: "\(directory)/loading-\(valueBytes)")
      loadings.append(try await stage.loadAgain())
    }
    return loadings
  }
}

extension Axis: ExpressibleByArgument {}
