import ArgumentParser
import Foundation
import Measuring

/// A gauge that a busy machine does not move: how many instructions a request takes, counted by valgrind.
@main
struct InstructionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "instructions",
    abstract: "Counts the instructions of hot paths, and fails where one takes more than it did.",
    discussion: """
      Each path is run twice under valgrind's callgrind, with few and with many requests; the difference counts, so \
      what it takes to begin does not. The baselines are of one toolchain and kind of processor; --update writes \
      them anew.
      """)

  /// Beyond it the gauge fails.
  private static let tolerance = 0.05
  private static let counts = [2_048, 10_240]

  @Option(help: "Only this path; may be repeated.") var only: [String] = []
  @Option(help: "The file with the baselines.") var baselines = "Benchmarks/Baselines/instructions.json"
  @Flag(help: "Write what was counted as the new baselines.") var update = false

  func run() async throws {
    let program = try Self.sibling("hotpaths")
    let paths = try await Self.names(program)
    for name in only where !paths.contains(name) {
      throw BenchmarkError("there is no path \(name); there are \(paths.joined(separator: ", "))")
    }
    var known = try Self.read(baselines)
    var worse: [String] = []
    for path in only.isEmpty ? paths : only {
      let count = try await Self.count(program, path)
      let change = known[path].map { Double(count) / Double($0) - 1 }
      let text = change.map { String(format: "%+.1f %% beside the baseline", $0 * 100) } ?? "no baseline"
      print("\(path): \(count) instructions a request, \(text)")
      if let change, change > Self.tolerance { worse.append(path) }
      known[path] = count
    }
    if update {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try (try encoder.encode(known) + Data("\n".utf8)).write(to: URL(fileURLWithPath: baselines))
    } else if !worse.isEmpty {
      throw BenchmarkError(
        "more than \(Int(Self.tolerance * 100)) % above the baseline: \(worse.joined(separator: ", ")). "
          + "If that is meant, or the toolchain is another one: --update")
    }
  }

  private static func read(_ path: String) throws -> [String: Int] {
    guard FileManager.default.fileExists(atPath: path) else { return [:] }
    return try JSONDecoder().decode(
      [String: Int].self, from: try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// A program that was built beside this one.
  private static func sibling(_ name: String) throws -> String {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent(name).path
  }

  private static func names(_ program: String) async throws -> [String] {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    try await Program.start(program, [], log: folder.path + "/names").finish()
    let text = try String(contentsOfFile: folder.path + "/names", encoding: .utf8)
    return text.split(separator: "\n").map(String.init)
  }

  // MARK: Counting

  /// Instructions for each request.
  private static func count(_ program: String, _ path: String) async throws -> Int {
    let few = try await total(program, path, counts[0])
    let many = try await total(program, path, counts[1])
    return (many - few) / (counts[1] - counts[0])
  }

  private static func total(_ program: String, _ path: String, _ requests: Int) async throws -> Int {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let output = folder.path + "/callgrind"
    // Hashes, and with them where keys are, are the same in each run.
    setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
    let log = folder.path + "/log"
    do {
      try await Program.start(
        "valgrind",
        ["--tool=callgrind", "--callgrind-out-file=\(output)", program, path, "\(requests)"], log: log
      ).finish()
    } catch {
      let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      throw BenchmarkError("\(error), and says:\n\(text.suffix(2_000))")
    }
    let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
    let summary = lines.last { $0.hasPrefix("totals:") || $0.hasPrefix("summary:") }
    guard let count = summary?.split(separator: " ").last.flatMap({ Int($0) }) else {
      throw BenchmarkError("callgrind did not say how many instructions \(path) took")
    }
    return count
  }
}

/// A folder of this process, for as long as it is needed.
private struct TemporaryFolder {
  let path = NSTemporaryDirectory() + "keyval-instructions-\(UUID().uuidString)"

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
