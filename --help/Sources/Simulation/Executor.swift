/// One thread of a machine: takes its input in order and performs, one by one, what follows from it. It may
/// pause before any of these steps, as any thread may; what comes meanwhile is buffered.
final class Executor {
  typealias Step = () -> Void

  let name: String
  private unowned let machine: Machine
  private var inbox: [Step] = []
  private var taken = 0
  /// What is left of the input that is being handled; the next step is the last.
  private var steps: [Step] = []
  private var isScheduled = false
  private var isPaused = false
  private var life = 0

  init(_ name: String, of machine: Machine) {
    self.name = name
    self.machine = machine
  }

  /// More input.
  func post(_ step: @escaping Step) {
    guard machine.isUp else { return }
    inbox.append(step)
    wake()
  }

  /// These come next, before whatever else has to be done: the actions that follow from the step being run.
  func perform(_ next: [Step]) { steps.append(contentsOf: next.reversed()) }

  func wake() {
    guard !isScheduled, !isPaused, machine.isUp, !machine.isHung, taken < inbox.count || !steps.isEmpty
    else { return }
    isScheduled = true
    let life = life
    machine.world.after(0) { [unowned self] in
      guard self.life == life else { return }
      isScheduled = false
      run()
    }
  }

  /// The process has ended.
  func end() {
    life += 1
    inbox.removeAll()
    taken = 0
    steps.removeAll()
    isScheduled = false
    isPaused = false
  }

  private func run() {
    let life = life
    while self.life == life, machine.isUp, !machine.isHung, !machine.world.isOver {
      if let pause = machine.world.drawPause() { return rest(pause) }
      if let step = steps.popLast() {
        // With this much still to do it has just begun with its input.
        if steps.count >= 4, machine.isStoppedInStep(self) { return steps.append(step) }
        step()
        if self.life == life { machine.stepped(self) }
      } else if taken < inbox.count {
        let step = inbox[taken]
        taken += 1
        if taken == inbox.count {
          inbox.removeAll(keepingCapacity: true)
          taken = 0
        }
        step()
        if self.life == life { machine.stepped(self) }
      } else {
        return
      }
    }
  }

  private func rest(_ microseconds: Int64) {
    guard taken < inbox.count || !steps.isEmpty else { return }
    if microseconds > 100_000 {
      machine.world.trace("\(machine.name).\(name) pauses \(microseconds / 1000) ms")
    }
    isPaused = true
    let life = life
    machine.world.after(microseconds) { [unowned self] in
      guard self.life == life else { return }
      isPaused = false
      wake()
    }
  }
}
