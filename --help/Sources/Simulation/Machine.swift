import Cluster

/// A process on a host of its own: up or down, running or stopped, with clocks that are not the world's.
class Machine {
  unowned let world: World
  let name: String
  let index: Int
  private(set) var isUp = false
  private(set) var isHung = false
  /// It will not start again.
  var isGone = false
  /// Counts the starts.
  private(set) var life = 0
  private(set) var executors: [Executor] = []
  /// The thread that its control side runs on.
  private(set) var control: Executor!
  private var hangs = 0
  /// Microseconds for which it is to be stopped before it executes a read, the next time that it is about to.
  var hangBeforeRead: Int64?
  /// Its clock: an offset in microseconds, and how many of its microseconds are a million true ones.
  private let offset: Int64
  private let rate: Int64
  /// Seconds by which the clock on its wall is wrong.
  var wallError: Int64 = 0

  init(_ world: World, name: String) {
    self.world = world
    self.name = name
    index = world.machines.count
    offset = world.random.number(0...3_600_000_000)
    // Two clocks may drift apart by `Timing.drift`, a fiftieth of a lease.
    rate = world.random.number(991_000...1_009_000)
    world.machines.append(self)
    control = makeExecutor("control")
  }

  func makeExecutor(_ name: String) -> Executor {
    let executor = Executor(name, of: self)
    executors.append(executor)
    return executor
  }

  /// The clock that is never set.
  var now: Instant {
    Instant(milliseconds: (offset + world.time / 1_000 * rate / 1_000) / 1_000)
  }

  /// Seconds since 1970, as this machine believes.
  var wall: Int64 { Names.wallStart + world.time / 1_000_000 + wallError }

  /// Posts a step after so many milliseconds, unless this life is over by then.
  func after(_ milliseconds: Int64, on executor: Executor, _ step: @escaping () -> Void) {
    let life = life
    world.after(milliseconds * 1_000) { [unowned self] in
      if self.life == life { executor.post(step) }
    }
  }

  // MARK: Life

  final func start() {
    guard !isUp, !isGone else { return }
    isUp = true
    life += 1
    world.trace("\(name) starts")
    began()
  }

  /// As SIGKILL.
  final func crash() {
    guard isUp else { return }
    world.trace("\(name) ends")
    isUp = false
    life += 1
    for executor in executors { executor.end() }
    ended()
    world.network.ended(self)
    let waiting = whenEnded
    whenEnded = []
    for wait in waiting { wait() }
    if world.isHealed { world.after(1_000) { [unowned self] in start() } }
  }

  /// Who waits for its end.
  private var whenEnded: [() -> Void] = []

  var isEnding: Bool { !whenEnded.isEmpty }

  /// As SIGTERM; `then` is called once it is down, whatever has ended it.
  final func end(then: @escaping () -> Void) {
    guard isUp else { return then() }
    whenEnded.append(then)
    guard whenEnded.count == 1 else { return }
    world.trace("\(name) is asked to end")
    endInOrder()
  }

  /// As SIGSTOP, and SIGCONT after so many microseconds.
  final func hang(_ microseconds: Int64) {
    hangs += 1
    isHung = true
    world.trace("\(name) is stopped for \(microseconds / 1000) ms")
    world.after(microseconds) { [unowned self] in
      hangs -= 1
      guard hangs == 0 else { return }
      isHung = false
      world.trace("\(name) goes on")
      for executor in executors { executor.wake() }
    }
  }

  /// Steps that follow from some input until the machine is stopped between two of them, and for how long.
  private var stop: (thread: Int, steps: Int, microseconds: Int64)?

  /// As `hang`, but in the middle of something.
  final func hangInStep(_ thread: Int, after steps: Int, for microseconds: Int64) {
    stop = (thread, steps, microseconds)
  }
  final func forgetStop() {
    stop = nil
    hangBeforeRead = nil
  }

  func isStoppedInStep(_ executor: Executor) -> Bool {
    guard let (thread, left, microseconds) = stop, executors[thread % executors.count] === executor else {
      return false
    }
    stop = left > 0 ? (thread, left - 1, microseconds) : nil
    if left == 0 { hang(microseconds) }
    return left == 0
  }

  /// What a process does that is asked to end; in the end it crashes.
  func endInOrder() { crash() }
  /// One of its threads has done something.
  func stepped(_ executor: Executor) {}
  func began() {}
  func ended() {}
}
