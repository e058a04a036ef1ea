/// All drones die at once.
extension FaultPlan {
  /// All machines lose their power, now and then, while clients ask so seldom that journals are clean in between: what is
  /// complete then must be so.
  private mutating func addDarkness(_ random: inout SeededRandom) {
    faults = []
    lasting = nil
    pauses = pauses.map { _ in 1_300...3_500 }
    var time = random.number(3_000_000...6_000_000)
    for _ in 0..<3 + random.index(3) {
      let duration = random.number(20_000...300_000)
      add(.killAll(isEverybody: random.chance(300_000), losesMachines: true), at: time, for: duration)
      time += duration + random.number(4_000_000...9_000_000)
    }
  }

  /// In some plans nothing else happens: all processes die, perhaps again before all is well, while the store may be
  /// behind. In others it comes to the rest, and may be that of the machines.
  mutating func addSudden(_ seed: UInt64) {
    var random = SeededRandom(seed: seed, stream: 41)
    guard !isSingle, !isOrderly else { return }
    if random.chance(80_000) { return addDarkness(&random) }
    guard random.chance(180_000) else {
      guard random.chance(150_000) else { return }
      let kind = Fault.Kind.killAll(
        isEverybody: random.chance(500_000), losesMachines: random.chance(500_000))
      return add(kind, at: random.number(2_500_000...length), for: duration(&random))
    }
    isSudden = true
    faults = []
    lasting = nil
    var time = random.number(2_500_000...7_000_000)
    for _ in 0..<1 + random.index(4) {
      if random.chance(400_000) {
        // The store stands still just then: what is acknowledged is in memories and journals alone.
        let start = time + random.number(-1_500_000...(-100_000))
        add(.hang(.database), at: start, for: random.number(200_000...4_000_000))
      }
      let duration = random.number(20_000...2_500_000)
      add(.killAll(isEverybody: random.chance(500_000), losesMachines: false), at: time, for: duration)
      // Or one of them alone, in the middle of what follows.
      if random.chance(300_000) {
        let start = time + duration + random.number(300_000...4_000_000)
        add(
          .crash(.drone(random.index(drones)), losesWrites: false), at: start,
          for: random.number(20_000...900_000))
      }
      time +=
        duration
        + (random.chance(500_000) ? random.number(200_000...4_000_000) : random.number(4_000_000...9_000_000))
    }
  }
}
