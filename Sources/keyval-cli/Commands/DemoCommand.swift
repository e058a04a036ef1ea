import ArgumentParser
import Glibc
import LocalCluster

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Start a cluster of its own, open its shell, take everything down at the end.",
    discussion: """
      With standard input that is no terminal, runs the commands found there, one a line, and exits 0 only if all \
      succeeded. Ctrl-C and SIGTERM take everything down too.
      """)

  @OptionGroup var size: SizeOptions

  func run() async throws {
    let signals = SignalWatch()
    let terminal = TerminalSettings()
    let directory = try LocalOperations.temporaryDirectory()
    let status: Int32
    do {
      status = try await Self.run(try size.plan(in: directory), in: directory, signals: signals)
    } catch {
      LocalOperations.remove(directory)
      throw error
    }
    terminal.restore()
    LocalOperations.remove(directory)
    // At once: a task may still wait for a line that nobody will type.
    Glibc.exit(status)
  }

  /// From the start of the cluster to its end. Nothing runs any more when this returns or throws.
  private static func run(_ plan: ClusterPlan, in directory: ClusterDirectory, signals: SignalWatch)
    async throws -> Int32
  {
    try await LocalOperations.start(plan, in: directory, signals: signals)
    StandardOutput().write(remark: "        you are \(plan.user)@\(plan.realm)")
    let outcome = await signals.race { () async -> Int32 in
      do {
        return try await ClientConnection.with { await CommandLoop.run(on: $0) }.rawValue
      } catch {
        let failure = Failure(error)
        StandardOutput().write(remark: failure.sentence)
        return failure.status.rawValue
      }
    }
    if case .signal = outcome { StandardOutput().write(remark: "\ninterrupted: taking the cluster down") }
    // Its data go with it: nobody has to wait for them.
    for process in try LocalCluster.stop(in: directory, .force(tell: { StandardOutput().write(remark: $0) }))
    {
      StandardOutput().write(remark: "\(process.role.rawValue) \(process.name) had to be killed")
    }
    switch outcome {
    case .done(let status): return status
    case .signal(let signal): return 128 + signal
    }
  }
}
