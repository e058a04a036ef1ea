import NIOCore
import Synchronization

/// The timers of a node, to be stopped together.
final class RepeatedTasks: Sendable {
  private let tasks = Mutex<[RepeatedTask]>([])

  func add(_ task: RepeatedTask) { tasks.withLock { $0.append(task) } }

  func cancel() {
    let all = tasks.withLock { tasks in
      defer { tasks.removeAll() }
      return tasks
    }
    for task in all { task.cancel() }
  }
}
