import Foundation
import Testing

/// The built `keyval` program, run as a person would, with a directory of its own for everything that it makes.
struct Program {
  /// TMPDIR, HOME and working directory of what is run. The nodes' user may enter it.
  let directory: String

  init() throws {
    let parent = FileManager.default.temporaryDirectory.path
    directory = "\(parent)/keyval-program-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o711])
  }

  /// Ends first what a test that failed half way may have left running.
  func remove() {
    for name in leftovers where FileManager.default.fileExists(atPath: "\(directory)/\(name)/cluster.json") {
      let stop = try? Process.run(
        URL(filePath: Self.path),
        arguments: ["cluster", "stop", "--force", "--directory", "\(directory)/\(name)"])
      stop?.waitUntilExit()
    }
    try? FileManager.default.removeItem(atPath: directory)
  }

  /// Beside the tests.
  static let path: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: tests).deletingLastPathComponent().appending(path: "keyval").path
  }()

  struct Outcome {
    let status: Int32
    let output: Data
    let remarks: String

    var text: String { String(decoding: output, as: UTF8.self) }
  }

  /// Runs the program to its end.
  func run(_ arguments: String..., input: Data = Data(), environment: [String: String] = [:]) async throws
    -> Outcome
  {
    try await run(Self.path, arguments, input: input, environment: environment)
  }

  /// Runs a script of the shell, in which `keyval` is the program.
  func shell(_ script: String, environment: [String: String] = [:]) async throws -> Outcome {
    try await run("/bin/sh", ["-c", script], environment: environment)
  }

  private func run(
    _ program: String, _ arguments: [String], input: Data = Data(), environment: [String: String]
  ) async throws -> Outcome {
    let running = try Running(
      program, arguments, input: input, environment: variables(environment), in: directory)
    return try await running.end()
  }

  func start(_ arguments: String...) throws -> Running {
    try Running(Self.path, arguments, input: nil, environment: variables([:]), in: directory)
  }

  private func variables(_ more: [String: String]) -> [String: String] {
    let folder = URL(filePath: Self.path).deletingLastPathComponent().path
    return [
      "PATH": "\(folder):/usr/sbin:/usr/bin:/sbin:/bin", "HOME": directory, "TMPDIR": directory,
      "LC_ALL": "C.UTF-8",
    ].merging(more) { $1 }
  }

  /// Processes that still have to do with the directory, by their arguments or environment.
  func survivors() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.compactMap { pid in
      let files = ["cmdline", "environ"].compactMap {
        FileManager.default.contents(atPath: "/proc/\(pid)/\($0)")
      }
      let text = files.map { String(decoding: $0, as: UTF8.self) }.joined()
      return text.contains(directory) ? text : nil
    }
  }

  var leftovers: [String] { (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] }
}

/// A process under way, whose outputs go to files so that no pipe can fill up.
final class Running {
  private let process = Process()
  private let folder: String
  private let input = Pipe()

  /// - Parameter input: nil keeps standard input open, as of a person who types nothing.
  init(
    _ program: String, _ arguments: [String], input: Data?, environment: [String: String],
    in directory: String
  ) throws {
    folder = "\(FileManager.default.temporaryDirectory.path)/keyval-output-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    for (name, contents) in [("input", input ?? Data()), ("output", Data()), ("remarks", Data())] {
      try contents.write(to: URL(filePath: "\(folder)/\(name)"))
    }
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.environment = environment
    process.currentDirectoryURL = URL(filePath: directory)
    process.standardInput = input == nil ? self.input : try FileHandle(forReadingFrom: file("input"))
    process.standardOutput = try FileHandle(forWritingTo: file("output"))
    process.standardError = try FileHandle(forWritingTo: file("remarks"))
    try process.run()
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func file(_ name: String) -> URL { URL(filePath: "\(folder)/\(name)") }

  /// Waits until standard error says this.
  func remarks(say text: String) async throws {
    while try !String(decoding: Data(contentsOf: file("remarks")), as: UTF8.self).contains(text) {
      try #require(process.isRunning, "it ended before it said ‘\(text)’")
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  func send(signal: Int32) { kill(process.processIdentifier, signal) }

  func end() async throws -> Program.Outcome {
    while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
    return Program.Outcome(
      status: process.terminationReason == .exit
        ? process.terminationStatus : 128 + process.terminationStatus,
      output: try Data(contentsOf: file("output")),
      remarks: String(decoding: try Data(contentsOf: file("remarks")), as: UTF8.self))
  }
}
