import Dispatch

/// Runs the jobs of a task on a thread of their own, one after the other.
///
/// What starts a cluster, harms it and takes it down waits for programs, and meanwhile holds its thread. All other tests
/// share as many threads as there are cores: two such waits would stop everybody.
final class OwnThread: TaskExecutor {
  // A serial queue: of the concurrent ones all together get no more threads than there are cores.
  private let queue = DispatchQueue(label: "keyval.test")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedTaskExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }
}
