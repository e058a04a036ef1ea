/// Faults drawn from the harness's seed.
struct Chaos {
  enum Fault: Int64, CaseIterable {
    case crash, hang, loopHang, isolation, cut, foulWeather, authorityRestart, authorityHang
    case databaseHang, databaseCrash, join
  }

  /// Some fault each half to three seconds; all are over by the end.
  static func run(_ harness: ClusterHarness, for milliseconds: Int64, faults: [Fault] = Fault.allCases) {
    let end = harness.time + milliseconds
    var joins = 0
    while harness.time < end, harness.violations.isEmpty {
      harness.run(for: harness.random.number(50...2500))
      let left = end - harness.time
      guard left > 100 else { break }
      let fault = faults[Int(harness.random.number(0...Int64(faults.count - 1)))]
      if fault == .join {
        joins += 1
        if joins > 1 { continue }
      }
      strike(harness, fault, longest: left)
    }
    harness.weather = .fair
    harness.run(for: max(0, end - harness.time))
  }

  private static func strike(_ harness: ClusterHarness, _ fault: Fault, longest: Int64) {
    let time = min(
      longest,
      harness.random.chance(300)
        ? harness.random.number(2000...8000)
        : harness.random.number(50...2500))
    let drone = ClusterHarness.Place.drone(Int(harness.random.number(0...Int64(harness.drones.count - 1))))
    let places = harness.places
    let other = places[Int(harness.random.number(0...Int64(places.count - 1)))]
    switch fault {
    case .crash: harness.crash(drone, for: time)
    case .hang: harness.hang(drone, for: time)
    case .loopHang: if case .drone(let index) = drone { harness.drones[index].hangLoops(for: time) }
    case .isolation: harness.isolate(drone, for: time)
    case .cut: if other != drone { harness.cut(drone, other, for: time) }
    case .foulWeather:
      harness.weather = .foul
      harness.after(time) { [unowned harness] in harness.weather = .fair }
    case .authorityRestart: harness.crash(.authority, for: time)
    case .authorityHang: harness.hang(.authority, for: time)
    case .databaseHang: harness.hang(.database, for: time)
    case .databaseCrash: harness.crash(.database, for: time)
    case .join: harness.join()
    }
  }
}
