/// What takes more than one thing to go wrong, at the right moments; and what goes wrong alone.
extension FaultPlan {
  /// One process ends, is stopped or cut off. Each waits until all is well after the one before.
  mutating func addSingleFaults(_ random: inout SeededRandom) {
    for _ in 0..<1 + random.index(3) {
      let places: [Fault.Place] = [
        .commander(else: 0), .drone(random.index(drones)), .drone(random.index(drones)), .database,
        .authority,
      ]
      let place = places[random.index(places.count)]
      let kind: Fault.Kind =
        switch random.index(3) {
        case 0: .crash(place, losesWrites: random.chance(700_000))
        case 1: .hang(place)
        default: .isolate(place)
        }
      add(kind, at: random.number(1_000_000...3_000_000), for: duration(&random))
    }
  }

  /// Things that matter only together, at a time when the clients are busy.
  mutating func addCoincidence(at time: Int64, _ random: inout SeededRandom) {
    guard drones > 1 else { return }
    let drone = Fault.Place.follower(random.index(drones))
    if drones > 2, shadows > 1, random.chance(500_000) { return loseTouch(at: time, &random) }
    switch random.index(6) {
    case 0: renewLate(drone, at: time, &random)
    case 1:
      // The lease ends between the look at the clock and the read that follows it.
      let stop = time + random.number(600_000...1_700_000)
      add(.cut(drone, .commander(else: 0)), at: time, for: 5_000_000)
      add(.hangBeforeRead(drone), at: stop, for: time + random.number(2_400_000...3_400_000) - stop)
    case 2:
      // What a drone still has to write waits behind another drone's grant for the same partitions.
      add(.slowDisk(longest: random.number(300_000...900_000)), at: time - 500_000, for: 6_000_000)
      add(.cut(drone, .commander(else: 0)), at: time, for: 5_000_000)
    case 3 where hasStandby && drones.isMultiple(of: 2): halve(at: time, &random)
    case 3, 4:
      // It comes back when its partitions are another's, with what it had under way.
      let duration = random.number(2_100_000...4_500_000)
      guard random.chance(700_000) else { return add(.isolate(drone), at: time, for: duration) }
      if random.chance(600_000) { return replicateLate(drone, at: time, &random) }
      // Clients reach it all the time.
      let others: [Fault.Place] = [.database, .commander(else: 0)] + (0..<drones - 1).map { .follower($0) }
      add(.split([drone], others), at: time, for: duration)
    default:
      // A shadow falls behind, and then its owner goes.
      let lag = random.number(200_000...900_000)
      let other = Fault.Place.follower(random.index(drones))
      add(.slow(drone, other, lag), at: time, for: 6_000_000)
      add(
        .crash(drone, losesWrites: true), at: time + random.number(300_000...3_000_000),
        for: duration(&random))
    }
  }

  /// An owner loses one of its shadows, then the database, and then ends: what it acknowledged last is with its other
  /// shadow alone.
  private mutating func loseTouch(at time: Int64, _ random: inout SeededRandom) {
    let drone = Fault.Place.follower(drones - 2)
    let away = time + random.number(1_000_000...2_500_000)
    let end = away + random.number(200_000...900_000)
    for index in 0..<drones - 2 { add(.cut(drone, .follower(index)), at: time, for: 6_000_000) }
    add(.cut(drone, .database), at: away, for: 4_000_000)
    add(.crash(drone, losesWrites: true), at: end, for: random.number(3_000_000...5_000_000))
  }

  /// What an owner sends takes so long that it meets others who have taken its place.
  private mutating func replicateLate(_ drone: Fault.Place, at time: Int64, _ random: inout SeededRandom) {
    let lag = random.number(500_000...700_000)
    for index in 0..<drones - 1 { add(.slow(drone, .follower(index), lag), at: time, for: 8_000_000) }
    add(.slow(drone, .database, lag + 300_000), at: time, for: 8_000_000)
    add(.cut(drone, .commander(else: 0)), at: time + 2_000_000, for: 4_000_000)
  }

  /// Of all drones the authority hears this one alone, which hears no other.
  mutating func leaveAlone(_ drone: Int, at time: Int64, for duration: Int64) {
    for other in 0..<drones where other != drone {
      add(.cut(.drone(other), .drone(drone)), at: time, for: duration)
      add(.cut(.drone(other), .authority), at: time, for: duration)
    }
  }

  /// Renewals take long to arrive, and then the drone is not heard any more.
  private mutating func renewLate(_ drone: Fault.Place, at time: Int64, _ random: inout SeededRandom) {
    add(.slow(.commander(else: 0), drone, random.number(400_000...680_000)), at: time, for: 6_000_000)
    let start = time + random.number(900_000...2_000_000)
    add(.cutOneWay(drone, .commander(else: 0)), at: start, for: random.number(3_000_000...5_000_000))
  }

  /// The commander, half of the drones and the active authority are cut off from the register, the other half and
  /// the authority that stands by; all drones reach the database.
  private mutating func halve(at time: Int64, _ random: inout SeededRandom) {
    let half = drones / 2
    let ones: [Fault.Place] =
      [.authority, .commander(else: 0)] + (0..<max(0, half - 1)).map { .follower($0) }
    let others: [Fault.Place] = [.standby] + (max(0, half - 1)..<drones - 1).map { .follower($0) }
    let duration = random.number(7_000_000...10_000_000)
    add(.split(ones, others), at: time, for: duration)
    add(.registerAway(.authority), at: time, for: duration)
  }
}
