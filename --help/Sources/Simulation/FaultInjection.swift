import Cluster

/// Makes faults happen, and end.
extension World {
  func schedule(_ plan: FaultPlan) {
    for lie in plan.lies { at(lie.start) { [unowned self] in strike(lie) } }
    if plan.isSingle { return strike(oneByOne: plan.faults[...]) }
    for fault in plan.faults + [plan.lasting].compactMap({ $0 }) {
      at(fault.start) { [unowned self] in strike(fault) }
    }
  }

  /// Each when all is well again after the one before.
  private func strike(oneByOne faults: ArraySlice<Fault>) {
    guard let fault = faults.first else {
      hasStruckAll = true
      return
    }
    after(fault.start) { [unowned self] in
      strikeWhenWhole(fault, since: time) { [unowned self] in strike(oneByOne: faults.dropFirst()) }
    }
  }

  private func strikeWhenWhole(_ fault: Fault, since: Int64, then next: @escaping () -> Void) {
    if isWhole {
      strike(fault)
      return after((fault.duration ?? 0) + 200_000, next)
    }
    guard time - since < Run.recovery * 1_000 else {
      return violated(
        "not every partition is served and shadowed \(Run.recovery) ms after a single fault; "
          + watch.whyNotWhole)
    }
    after(100_000) { [unowned self] in strikeWhenWhole(fault, since: since, then: next) }
  }

  private func machine(_ place: Fault.Place) -> Machine {
    switch place {
    case .authority: activeAuthority
    case .standby: standbyAuthority
    case .database: database
    case .drone(let index): drones[index % drones.count]
    case .client(let index): clients[index % clients.count]
    case .commander(let index): commanders.first ?? drones[index % drones.count]
    case .follower(let index): followers[index % followers.count]
    }
  }

  /// The drones that do not hold the office; the only one where there is but one.
  private var followers: [DroneMachine] {
    let commander = commanders.first
    let others = drones.filter { $0 !== commander }
    return others.isEmpty ? drones : others
  }

  private func strike(_ fault: Fault) {
    trace("FAULT \(fault)")
    switch fault.kind {
    case .crash(let place, let losesWrites):
      let target = machine(place)
      die(target, losesWrites)
      ending(fault) { target.start() }
    case .killAll(let isEverybody, let losesMachines):
      killAll(isEverybody, losesMachines, for: fault.duration ?? 0)
    case .end(let place):
      let target = machine(place)
      target.end { [unowned self] in after(fault.duration ?? 0) { target.start() } }
    case .endAll(let isAtOnce): endAll(isAtOnce, for: fault.duration ?? 0)
    case .hang(let place): machine(place).hang(fault.duration ?? 1_000_000)
    case .hangInStep(let place, let thread, let steps):
      machine(place).hangInStep(thread, after: steps, for: fault.duration ?? 1_000_000)
    case .slow(let from, let to, let lag):
      let (from, to) = (machine(from), machine(to))
      network.slow(from, to, by: lag)
      ending(fault) { [unowned self] in network.slow(from, to, by: -lag) }
    case .isolate(let place):
      let target = machine(place)
      for other in machines where other !== target {
        cut(target, other, fault)
        cut(other, target, fault)
      }
    case .cutOneWay(let from, let to): cut(machine(from), machine(to), fault)
    case .cut(let one, let other):
      cut(machine(one), machine(other), fault)
      cut(machine(other), machine(one), fault)
    case .split(let ones, let others):
      let (ones, others) = (ones.map(machine), others.map(machine))
      for one in ones {
        for other in others where !ones.contains(where: { $0 === other }) {
          cut(one, other, fault)
          cut(other, one, fault)
        }
      }
    case .hangBeforeRead(let place): machine(place).hangBeforeRead = fault.duration ?? 1_000_000
    case .drain(let place):
      guard let drone = machine(place) as? DroneMachine else { return }
      administer(.drain, drone)
      ending(fault) { [unowned self] in administer(.resume, drone) }
    case .lie(let place):
      guard let drone = machine(place) as? DroneMachine else { return }
      drone.liar = Liar(seed: UInt64(clamping: time))
      ending(fault) { drone.liar = nil }
    case .lieAsClient: lyingClient?.isLying = true
    case .aim(let place): (machine(place) as? DroneMachine)?.steal(seed)
    case .aimAsClient: lyingClient?.aim()
    case .lieFromFormerOffice(let isHeardAlone):
      formerOfficesLie = true
      isLiarHeardAlone = isHeardAlone
    case .olderStore:
      let copy = database.store.durable
      after(800_000) { [unowned self] in database.replaceStore(by: copy) }
      ending(fault) { [unowned self] in database.replaceStore(by: nil) }
    case .weather(let loss, let duplication, let lateness):
      network.weather = Network.Weather(loss: loss, duplication: duplication, lateness: lateness)
      ending(fault) { [unowned self] in network.weather = .fair }
    case .pauses(let short, let long):
      (shortPauses, longPauses) = (short, long)
      ending(fault) { [unowned self] in (shortPauses, longPauses) = (0, 0) }
    case .slowDisk(let longest):
      database.diskTime = longest / 20...longest
      ending(fault) { [unowned self] in database.diskTime = knobs.diskTime }
    case .failingDisk(let chance):
      database.diskFailures = chance
      ending(fault) { [unowned self] in database.diskFailures = 0 }
    case .registerAway(let place):
      guard let process = machine(place) as? AuthorityMachine else { return }
      process.isRegisterAway = true
      ending(fault) { process.isRegisterAway = false }
    case .kdcAway:
      authoritySite.isKDCAway = true
      ending(fault) { [unowned self] in authoritySite.isKDCAway = false }
    case .wallClock(let place, let seconds):
      let target = machine(place)
      target.wallError += seconds
      ending(fault) { target.wallError -= seconds }
    case .authorityEnds(let steps): activeAuthority.stepsToLive = steps
    case .authorityHangs(let steps):
      activeAuthority.stepsToHang = (steps, fault.duration ?? 1_000_000)
    case .join: if drones.count < 7 { addDrone().start() }
    case .remove(let place, let isDead):
      if let drone = machine(place) as? DroneMachine { remove(drone, isDead: isDead) }
    }
  }

  /// A former commander begins to lie.
  func beginsToLie(_ drone: DroneMachine) {
    trace("\(drone.name) goes on as if it still held the office")
    guard isLiarHeardAlone else { return }
    isLiarHeardAlone = false
    for other in drones where other !== drone {
      for target in [drone] + authorities as [Machine] {
        network.cut(other, target)
        after(5_000_000) { [unowned self] in network.heal(other, target) }
      }
    }
  }

  /// As `keyval cluster stop` does, or as a machine does that shuts down.
  private func endAll(_ isAtOnce: Bool, for duration: Int64) {
    func end(_ group: [Machine], then next: @escaping () -> Void) {
      var rest = group.count
      if group.isEmpty { return next() }
      for machine in group {
        machine.end {
          rest -= 1
          if rest == 0 { next() }
        }
      }
    }
    let (drones, others) = (drones as [Machine], [database] + authorities as [Machine])
    func startAll() { after(duration) { for machine in others + drones { machine.start() } } }
    if isAtOnce { return end(drones + others, then: startAll) }
    end(drones) { end(others, then: startAll) }
  }

  /// A process, or the machine that it is on.
  private func die(_ target: Machine, _ isMachine: Bool) {
    database.losesWrites = isMachine
    guard isMachine, let drone = target as? DroneMachine else { return target.crash() }
    var random = SeededRandom(seed: seed ^ UInt64(clamping: time), stream: 51)
    drone.lose(&random)
  }

  /// Each comes up again in its own time.
  private func killAll(_ isEverybody: Bool, _ losesMachines: Bool, for duration: Int64) {
    var random = SeededRandom(seed: seed ^ UInt64(clamping: time), stream: 52)
    let others = [database] + authorities as [Machine]
    for machine in (drones as [Machine]) + (isEverybody ? others : []) where machine.isUp {
      die(machine, losesMachines)
      after(duration + random.number(0...400_000)) { machine.start() }
    }
  }

  /// Asks whoever holds the office, for a while.
  private func administer(_ order: AdministratorOrder, _ drone: DroneMachine, attempts: Int = 20) {
    guard let commander = commanders.first else {
      guard attempts > 0 else { return }
      return after(200_000) { [unowned self] in administer(order, drone, attempts: attempts - 1) }
    }
    if let answer = commander.administer(order, drone.name) { trace("the administrator is told: \(answer)") }
  }

  private func ending(_ fault: Fault, _ body: @escaping () -> Void) {
    if let duration = fault.duration { after(duration, body) }
  }

  private func cut(_ from: Machine, _ to: Machine, _ fault: Fault) {
    guard from !== to else { return }
    network.cut(from, to)
    ending(fault) { [unowned self] in network.heal(from, to) }
  }
}
