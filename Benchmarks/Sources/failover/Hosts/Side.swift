import Foundation
import Glibc
import HostNetworks
import Measuring
import Synchronization

/// The callers on one host, a process of this program there, as the trial sees it.
///
/// One question at a time, and each blocks: besides the hub's thread nothing else goes on in the trial's process.
final class Side: Waiting {
  private let process: Process
  private let socket: Int32
  private let line: Mutex<LineSocket>

  /// Starts the process. It ends with this one, however this one ends.
  init(at host: String, on network: HostNetwork, environment: [String: String] = [:]) throws {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
      throw BenchmarkError("there is no pair of sockets")
    }
    defer { Glibc.close(ends[1]) }
    process = Process()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["side"]
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle(fileDescriptor: ends[1], closeOnDealloc: false)
    socket = ends[0]
    line = Mutex(LineSocket(descriptor: ends[0]))
    do {
      try network.at(host) { try process.run() }
    } catch {
      Glibc.close(socket)
      throw error
    }
  }

  deinit { Glibc.close(socket) }

  /// Ends it, and nothing that it was to inherit; also while it is being asked something. Harmless to repeat.
  func end() {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  // MARK: Questions

  /// - Throws: what the process says that it is wrong.
  private func ask(_ question: SideQuestion) throws -> SideAnswer {
    try line.withLock { line in
      try line.write(question)
      switch try line.read(SideAnswer.self) {
      case nil: throw BenchmarkError("the callers' process has ended")
      case .problem(let text): throw BenchmarkError(text)
      case .some(let answer): return answer
      }
    }
  }

  private static let unexpected = BenchmarkError("the callers answered something else")

  func connect(_ reach: Reach) throws { _ = try ask(.connect(reach)) }
  func inherit(_ estate: Estate) throws { _ = try ask(.inherit(estate)) }
  func awaitAnswers() throws { _ = try ask(.awaitAnswers) }
  func awaitWhole() throws { _ = try ask(.awaitWhole) }
  func begin(_ work: SideQuestion.Work) throws { _ = try ask(.begin(work)) }
  func mark() throws { _ = try ask(.mark) }

  func awaitServed(_ tags: [String]? = nil, times: Int, within limit: Int = 60) throws {
    _ = try ask(.awaitServed(tags: tags, times: times, seconds: limit))
  }

  func victim(among tags: [String]) throws -> (name: String, tags: Set<String>) {
    guard case .victim(let name, let tags) = try ask(.victim(tags: tags)) else { throw Self.unexpected }
    return (name, tags)
  }

  func gaps(_ tags: [String]) throws -> [Duration] {
    guard case .times(let times) = try ask(.gaps(tags: tags)) else { throw Self.unexpected }
    return times
  }

  var rate: Double {
    get throws {
      guard case .rate(let rate) = try ask(.rate) else { throw Self.unexpected }
      return rate
    }
  }

  func acknowledged() throws -> (count: Int, last: ContinuousClock.Instant?) {
    guard case .acknowledged(let count, let last) = try ask(.acknowledged) else { throw Self.unexpected }
    return (count, last)
  }

  func finish() throws -> Load.Outcome {
    guard case .outcome(let outcome) = try ask(.finish) else { throw Self.unexpected }
    return outcome
  }
}
