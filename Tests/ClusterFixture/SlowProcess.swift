import Glibc
import LocalCluster

/// A process that is stopped most of the time, a few hundredths of a second now and then excepted, until it ends.
public final class SlowProcess: Sendable {
  private let task: Task<Void, Never>

  public init(_ process: ProcessIdentity) {
    task = Task {
      while !Task.isCancelled, process.send(signal: SIGSTOP) {
        try? await Task.sleep(for: .milliseconds(600))
        process.send(signal: SIGCONT)
        try? await Task.sleep(for: .milliseconds(60))
      }
      process.send(signal: SIGCONT)
    }
  }

  public func stop() async {
    task.cancel()
    await task.value
  }
}
