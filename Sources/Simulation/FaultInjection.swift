import Cluster

/// Makes faults happen, and end.
extension World {
  func schedule(_ plan: FaultPlan) {
    for fault in plan.faults + [plan.lasting].compactMap({ $0 }) {
      at(fault.start) { [unowned self] in
        trace("FAULT \(fault)")
        strike(fault)
      }
    }
  }

  private func machine(_ place: Fault.Place) -> Machine {
    switch place {
    case .authority: activeAuthority
    case .standby: standbyAuthority
    case .database: database
    case .drone(let index): drones[index % drones.count]
    case .client(let index): clients[index % clients.count]
    case .commander(let index): commanders.first ?? drones[index % drones.count]
    }
  }

  private func strike(_ fault: Fault) {
    switch fault.kind {
    case .crash(let place, let losesWrites):
      let target = machine(place)
      database.losesWrites = losesWrites
      target.crash()
      ending(fault) { target.start() }
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
    case .weather(let loss, let duplication, let lateness):
      network.weather = Network.Weather(loss: loss, duplication: duplication, lateness: lateness)
      ending(fault) { [unowned self] in network.weather = .fair }
    case .pauses(let short, let long):
      (shortPauses, longPauses) = (short, long)
      ending(fault) { [unowned self] in (shortPauses, longPauses) = (0, 0) }
    case .slowDisk(let longest):
      database.diskTime = longest / 20...longest
      ending(fault) { [unowned self] in database.diskTime = 100...1_500 }
    case .failingDisk(let chance):
      database.diskFailures = chance
      ending(fault) { [unowned self] in database.diskFailures = 0 }
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

  private func ending(_ fault: Fault, _ body: @escaping () -> Void) {
    if let duration = fault.duration { after(duration, body) }
  }

  private func cut(_ from: Machine, _ to: Machine, _ fault: Fault) {
    guard from !== to else { return }
    network.cut(from, to)
    ending(fault) { [unowned self] in network.heal(from, to) }
  }
}
