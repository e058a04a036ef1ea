import Cluster
import Drone
import Histories

/// One schedule: a cluster and its clients from the beginning, through what goes wrong, to where all is well
/// again.
public struct Run: Sendable {
  /// Virtual milliseconds after the last fault within which all slots are served and every key can be read.
  public static let recovery: Int64 = 45_000

  public struct Report: Sendable {
    public let seed: UInt64
    public let isPlain: Bool
    /// What must not be, in order; empty when all is well.
    public internal(set) var violations: [String] = []
    public internal(set) var virtualMilliseconds: Int64 = 0
    public internal(set) var recoveryMilliseconds: Int64 = 0
    public internal(set) var operations = 0
    public internal(set) var acknowledgedWrites = 0
    /// Of them those that only memories had when they were acknowledged.
    public internal(set) var shadowedWrites = 0
    public internal(set) var failures = 0
    public internal(set) var elections = 0
    public internal(set) var events = 0
    /// Partitions of which an operator had to accept the loss of writes: owner and shadows were lost together.
    public internal(set) var acceptedLosses = 0
    /// Keys whose history has too many explanations to try.
    public internal(set) var undecided = 0
    /// The faults that were struck.
    public internal(set) var faults: [String] = []
    /// When tracing: what happened, in order.
    public internal(set) var trace: [String] = []
  }

  public let seed: UInt64
  public let isPlain: Bool
  public var isTracing = false
  let knobs: Knobs
  var plan: FaultPlan
  /// Whether an operator may have nothing to accept the loss of, however the run ends.
  var mayLoseNothing: Bool

  /// - Parameter isPlain: whether all bounds are those of a release, the store keeps up, and nobody is asked to end: as
  ///   it was before seeds drew that, too.
  public init(seed: UInt64, isPlain: Bool = false) {
    self.seed = seed
    self.isPlain = isPlain
    plan = FaultPlan(seed: seed, isPlain: isPlain)
    var knobs = isPlain ? .plain : Knobs(seed: seed)
    // There all has to be well again before the next fault, and without room not everything is shadowed.
    if plan.isSingle { knobs.data.memory = DataBounds().memory }
    // Nor is it while a client writes more, all the time, than shadows may keep for a store that stands still.
    if plan.isSingle, plan.hasLyingClient { knobs.data.tail = DataBounds().tail }
    self.knobs = knobs
    mayLoseNothing = plan.isSingle || plan.isOrderly || plan.isSudden
  }

  public func callAsFunction() -> Report {
    var report = Report(seed: seed, isPlain: isPlain)
    let world = World(seed: seed, knobs: knobs, isTracing: isTracing)
    let workload = Workload(
      callers: plan.callers, registers: plan.registers, pauses: plan.pauses, padding: knobs.padding)
    world.shadows = plan.shadows
    world.stealsOffices = plan.hasFormerOffices
    world.access = AccessPlan(
      seed: seed, clients: plan.clients, length: plan.length, hasLyingClient: plan.hasLyingClient)
    for _ in 0..<plan.drones { world.addDrone() }
    for _ in 0..<plan.clients { world.addClient(workload) }
    if plan.hasStandby { world.addStandby() }
    if plan.hasLyingClient { world.addLyingClient() }
    world.schedule(plan)
    for machine in world.machines { machine.start() }

    let end = max(plan.length, (plan.faults.map { $0.start + ($0.duration ?? 0) }.max() ?? 0) + 1)
    if plan.isSingle {
      world.run(until: 600_000_000) { world.hasStruckAll }
    } else {
      world.run(until: end)
    }
    heal(world)
    let healed = world.time
    recover(world, workload, until: healed + Self.recovery * 1_000)
    report.recoveryMilliseconds = (world.time - healed) / 1_000

    report.violations = world.violations.map(\.description)
    if report.violations.isEmpty {
      let lost = world.watch.accepted
      report.violations = workload.check { lost.contains(Slot(key: $0).partition) }
      check(workload.history, lost, &report)
    }
    report.acceptedLosses = world.watch.accepted.count
    report.virtualMilliseconds = world.time / 1_000
    report.operations = workload.history.count
    report.acknowledgedWrites = world.watch.acknowledgedWrites
    report.shadowedWrites = world.watch.shadowedWrites
    report.failures = workload.failures
    report.elections = world.watch.elections
    report.events = world.eventCount
    report.faults = (plan.faults + plan.lies + [plan.lasting].compactMap { $0 })
      .sorted { $0.start < $1.start }.map(\.description)
    report.trace = world.lines
    return report
  }

  /// Whatever is down comes up; the cuts and the clocks have healed with their faults.
  private func heal(_ world: World) {
    guard !world.isOver else { return }
    world.trace("HEALED")
    world.isHealed = true
    for authority in world.authorities { (authority.stepsToLive, authority.stepsToHang) = (nil, nil) }
    world.access.permitAll(at: world.time)
    for machine in world.machines {
      machine.forgetStop()
      machine.start()
    }
  }

  private func recover(_ world: World, _ workload: Workload, until end: Int64) {
    var nextLook = world.time
    world.run(until: end) {
      if world.time >= nextLook {
        nextLook = world.time + 300_000
        world.operate()
      }
      return world.isServed
    }
    guard !world.isOver else { return }
    if mayLoseNothing, !world.watch.accepted.isEmpty {
      return world.violated(
        "nothing went wrong that may cost anything, and writes of partitions \(world.watch.accepted) may be lost"
      )
    }
    guard world.servedCount == Partition.count else {
      return world.violated(
        "\(world.servedCount) of \(Partition.count) partitions are served \(Self.recovery) ms after the last fault; "
          + world.watch.whyNotServed)
    }
    workload.readEverything()
    world.run(until: end) {
      if world.time >= nextLook {
        nextLook = world.time + 300_000
        world.operate()
      }
      return workload.hasReadEverything
    }
    if !world.isOver, !workload.hasReadEverything {
      world.violated(
        "\(workload.unreadCount) keys cannot be read \(Self.recovery) ms after the last fault; "
          + (workload.lastUnread.map { world.watch.standing(Slot(key: $0).partition) } ?? ""))
    }
  }

  private func check(_ history: History, _ lost: PartitionSet, _ report: inout Report) {
    for key in history.keys where !lost.contains(Slot(key: key).partition) {
      let operations = history.meaningful(key)
      switch Linearizability.check(operations) {
      case .linearizable: break
      case .undecided: report.undecided += 1
      case .violated(let prefix):
        let name = String(decoding: key, as: UTF8.self)
        let last = prefix.suffix(8).map { "  \($0.line)" }.joined(separator: "\n")
        report.violations.append(
          "the history of ‘\(name)’ (partition \(Slot(key: key).partition)) is not linearizable; it ends:\n\(last)"
        )
      }
    }
  }
}
