/// Everything that goes wrong in a run, drawn from its seed before it begins, so that a part of it can be left
/// out without changing the rest.
struct FaultPlan: Sendable {
  let drones: Int
  let shadows: Int
  let clients: Int
  let callers: Int
  let registers: Int
  /// Milliseconds between an answer and the next request of a caller, for each client.
  var pauses: [ClosedRange<Int64>]
  /// Microseconds.
  let length: Int64
  var faults: [Fault] = []
  /// One partial fault that never heals.
  var lasting: Fault?
  /// Those who lie while all else happens, and go on when all has healed.
  var lies: [Fault] = []
  /// Whether there is only one fault at a time: one process ends, is stopped or cut off, and all is well again before
  /// the next. Then nothing at all may be lost.
  let isSingle: Bool
  /// Whether processes end in order only, and partitions move, while the store is behind. Then nothing may be lost either.
  private(set) var isOrderly = false
  /// Whether processes die all at once, and no machine: nothing may be lost then.
  var isSudden = false
  /// Whether the authority has a second process.
  let hasStandby: Bool

  /// - Parameter isPlain: nobody is asked to end.
  init(seed: UInt64, isPlain: Bool = false) {
    var random = SeededRandom(seed: seed, stream: 4)
    // Drawn apart, so that one part of a plan does not shift another.
    var particular = SeededRandom(seed: seed, stream: 10)
    let style = Style.drawn(&particular)
    isSingle = style == .single
    drones = style.drones[random.index(style.drones.count)]
    shadows = [0, 1, 1, 1, 2, 2][random.index(6)]
    clients = style == .meeting ? 3 : 1 + random.index(4)
    callers = style == .meeting ? 2 : 1 + random.index(2)
    registers = style == .meeting ? 9 : [2, 3, 5, 9][random.index(4)]
    // Who asks seldom goes by an old map.
    let paces: [ClosedRange<Int64>] = [1...40, 1...40, 10...200, 200...1_500]
    pauses = (0..<clients).map { _ in style == .meeting ? paces[0] : paces[random.index(4)] }
    length = style == .meeting ? 12_000_000 : random.number(9_000_000...22_000_000)
    // Drawn apart, so that what was drawn before there were standbys stays as it was.
    var standbyRandom = SeededRandom(seed: seed, stream: 7)
    hasStandby = standbyRandom.chance(700_000)
    switch style {
    case .single: addSingleFaults(&particular)
    case .meeting: addCoincidence(at: particular.number(3_500_000...5_000_000), &particular)
    case .mixed: addMixture(seed, &random, &standbyRandom, &particular)
    }
    if !isPlain {
      addOrderly(seed)
      addSudden(seed)
      addLies(seed, isMixed: style == .mixed)
      addAims(seed)
    }
  }

  /// Drones and whole clusters are asked to end, and partitions move, in the middle of a backlog.
  private mutating func addOrderly(_ seed: UInt64) {
    var random = SeededRandom(seed: seed, stream: 11)
    if !isSingle, random.chance(350_000) {
      isOrderly = true
      faults = []
      lasting = nil
    }
    guard isOrderly || random.chance(isSingle ? 300_000 : 400_000) else { return }
    if isSingle {
      faults.removeLast()
      return add(drawOrderly(&random), at: random.number(500_000...3_000_000), for: duration(&random))
    }
    guard isOrderly else {
      for _ in 0..<1 + random.index(2) {
        add(drawOrderly(&random), at: random.number(2_500_000...length), for: duration(&random))
      }
      return
    }
    // One after the other, though what the one before set in motion may not be over. When all have been asked to end
    // nothing else is asked of them.
    var time = random.number(2_500_000...6_000_000)
    for _ in 0..<1 + random.index(4) {
      if random.chance(500_000) {
        // The store stops just then, for a while.
        let start = time + random.number(-1_500_000...500_000)
        add(.hang(.database), at: start, for: random.number(200_000...3_000_000))
      }
      let (kind, duration) = (drawOrderly(&random), random.number(50_000...4_000_000))
      add(kind, at: time, for: duration)
      if case .endAll = kind { return }
      time += duration + random.number(1_000_000...5_000_000)
    }
  }

  private func drawOrderly(_ random: inout SeededRandom) -> Fault.Kind {
    switch random.index(9) {
    case 0...2: .end(.drone(random.index(drones)))
    case 3: .end(.commander(else: 0))
    case 4: .end(.database)
    case 5, 6: .drain(.drone(random.index(drones)))
    default: .endAll(isAtOnce: random.chance(500_000))
    }
  }

  /// Each seed has its own mixture: some kinds of faults hide others.
  private mutating func addMixture(
    _ seed: UInt64, _ random: inout SeededRandom, _ standbyRandom: inout SeededRandom,
    _ particular: inout SeededRandom
  ) {
    let kinds = (0..<Self.kindCount).filter { _ in random.chance(450_000) }
    var time = random.chance(250_000) ? 0 : random.number(1_500_000...4_000_000)
    while time < length {
      if let kind = kinds.isEmpty ? nil : kinds[random.index(kinds.count)] { add(kind, at: time, &random) }
      time += random.chance(300_000) ? random.number(0...400_000) : random.number(400_000...3_000_000)
    }
    if random.chance(300_000) { lasting = drawLasting(&random) }
    if hasStandby { addStandbyFaults(&standbyRandom) }
    var lying = SeededRandom(seed: seed, stream: 30)
    if drones >= 2, lying.chance(300_000) {
      for _ in 0..<1 + lying.index(2) {
        let start = lying.number(0...length)
        let liar = lying.index(drones)
        let duration = lying.number(500_000...8_000_000)
        add(.lie(.drone(liar)), at: start, for: duration)
        if lying.chance(250_000) { leaveAlone(liar, at: start, for: max(5_000_000, duration)) }
      }
    }
    var restoring = SeededRandom(seed: seed, stream: 32)
    if restoring.chance(200_000) {
      add(
        .olderStore, at: restoring.number(0...max(0, length - 3_000_000)),
        for: restoring.number(1_200_000...6_000_000))
    }
    var changing = SeededRandom(seed: seed, stream: 8)
    if changing.chance(400_000) { changeMembership(&changing) }
    if particular.chance(400_000) {
      addCoincidence(at: particular.number(3_000_000...max(3_500_000, length - 6_000_000)), &particular)
    }
  }

  private enum Style {
    case mixed
    /// One fault at a time.
    case single
    /// A few things that matter only together, and nothing else.
    case meeting

    static func drawn(_ random: inout SeededRandom) -> Style {
      let dice = random.index(100)
      return dice < 45 ? .mixed : dice < 65 ? .single : .meeting
    }

    var drones: [Int] {
      switch self {
      case .mixed: [1, 2, 2, 3, 3, 4, 4, 5, 5, 6]
      case .single: [2, 2, 3, 4, 5]
      case .meeting: [2, 3, 3, 4, 4, 5]
      }
    }
  }

  mutating func add(_ kind: Fault.Kind, at start: Int64, for duration: Int64) {
    faults.append(Fault(kind: kind, start: max(0, start), duration: duration))
  }

  /// Drones join and are removed, some while another is being elected. From random numbers of its own, so that
  /// what else goes wrong in a seed does not depend on it.
  private mutating func changeMembership(_ random: inout SeededRandom) {
    let elections = faults.filter { if case .crash(.commander, _) = $0.kind { true } else { false } }
    func time(_ random: inout SeededRandom) -> Int64 {
      guard !elections.isEmpty, random.chance(600_000) else { return random.number(0...length) }
      return elections[random.index(elections.count)].start + random.number(0...2_500_000)
    }
    for _ in 0..<random.index(3) {
      faults.append(Fault(kind: .join, start: time(&random), duration: nil))
    }
    // What is cut for good may be what those who are left depend on.
    guard lasting == nil, drones >= 3 else { return }
    for _ in 0..<1 + random.index(2) {
      let place: Fault.Place =
        random.chance(400_000) ? .commander(else: random.index(drones)) : .drone(random.index(drones))
      let kind = Fault.Kind.remove(place, isDead: random.chance(400_000))
      faults.append(Fault(kind: kind, start: time(&random), duration: nil))
    }
  }

  private static let kindCount = 19

  private func place(_ random: inout SeededRandom, clients withClients: Bool = false) -> Fault.Place {
    switch random.index(withClients ? 12 : 10) {
    case 0: .authority
    case 1: .database
    case 2...4: .commander(else: random.index(drones))
    case 10, 11: .client(random.index(clients))
    default: .drone(random.index(drones))
    }
  }

  func duration(_ random: inout SeededRandom) -> Int64 {
    random.chance(400_000) ? random.number(1_800_000...6_000_000) : random.number(50_000...2_200_000)
  }

  private mutating func add(_ kind: Int, at time: Int64, _ random: inout SeededRandom) {
    let target = place(&random)
    var length: Int64 = duration(&random)
    let drawn: Fault.Kind
    switch kind {
    case 0, 1: drawn = .crash(target, losesWrites: random.chance(600_000))
    case 2: drawn = .hang(place(&random, clients: true))
    case 3: drawn = hangInStep(at: time, &length, &random)
    case 4, 5: drawn = .isolate(target)
    case 6: drawn = .cutOneWay(target, place(&random, clients: true))
    case 7: drawn = .cut(target, place(&random, clients: true))
    case 8:
      drawn = .weather(
        loss: random.index(300_000), duplication: random.index(500_000), lateness: random.index(120_000))
      length += 2_000_000
      if random.chance(500_000) { crashCommander(during: time...time + length, &random) }
    case 9:
      drawn = .pauses(short: random.index(40_000), long: random.index(3_000))
      length += 2_000_000
    case 10:
      drawn = .slowDisk(longest: random.number(20_000...700_000))
      if random.chance(500_000) {
        // Partitions move meanwhile.
        length += 4_000_000
        let kind = Fault.Kind.crash(.drone(random.index(drones)), losesWrites: true)
        let start = max(0, time - random.number(0...2_000_000))
        faults.append(Fault(kind: kind, start: start, duration: random.number(50_000...3_000_000)))
      }
    case 11: drawn = .failingDisk(perMillion: 300_000)
    case 12: drawn = .kdcAway
    case 13:
      let seconds = random.chance(700_000) ? random.number(-40...40) : random.number(-7_200...7_200)
      drawn = .wallClock(place(&random, clients: true), seconds: seconds)
    case 14: drawn = .authorityEnds(afterSteps: random.index(12))
    case 15: drawn = slow(at: time, &length, &random)
    case 16:
      drawn = .drain(.drone(random.index(drones)))
      length += 1_000_000
    case 17: return swizzle(at: time, &random)
    default:
      if faults.count(where: { $0.kind == .join }) > 1 { return }
      drawn = .join
    }
    faults.append(Fault(kind: drawn, start: time, duration: length))
    // What hurts most: the commander goes while something else is not right.
    if random.chance(200_000) {
      let end = max(0, time + length + random.number(-800_000...0))
      crashCommander(during: random.chance(500_000) ? end...end + 300_000 : time...time + length, &random)
    }
  }

  /// The active authority goes, often for longer than its tenure, and often just when it is needed.
  private mutating func addStandbyFaults(_ random: inout SeededRandom) {
    for _ in 0..<random.index(5) {
      let time = random.number(500_000...length)
      let duration = random.chance(600_000) ? random.number(1_900_000...8_000_000) : duration(&random)
      let steps = random.index(14)
      let kind: Fault.Kind =
        switch random.index(9) {
        case 0, 1: .crash(.authority, losesWrites: true)
        case 2, 3: .hang(.authority)
        case 4: .authorityEnds(afterSteps: steps)
        case 5, 6: .authorityHangs(afterSteps: steps)
        case 7: .isolate(.authority)
        default: random.chance(500_000) ? .hang(.standby) : .crash(.standby, losesWrites: true)
        }
      faults.append(Fault(kind: kind, start: time, duration: duration))
      guard random.chance(600_000) else { continue }
      // There is something to certify.
      let start = max(0, time + random.number(-1_500_000...1_500_000))
      let crash = Fault.Kind.crash(.commander(else: 0), losesWrites: true)
      faults.append(Fault(kind: crash, start: start, duration: self.duration(&random)))
    }
  }

  private mutating func crashCommander(during time: ClosedRange<Int64>, _ random: inout SeededRandom) {
    let kind = Fault.Kind.crash(.commander(else: 0), losesWrites: true)
    faults.append(Fault(kind: kind, start: random.number(time), duration: duration(&random)))
  }

  /// In part of the cases a part of its lease is over by then.
  private mutating func hangInStep(
    at time: Int64, _ length: inout Int64, _ random: inout SeededRandom
  ) -> Fault.Kind {
    guard random.chance(600_000) else {
      return .hangInStep(place(&random), thread: random.index(3), after: random.index(30))
    }
    let drone = Fault.Place.drone(random.index(drones))
    let cut = Fault.Kind.cut(drone, .commander(else: 0))
    let start = max(0, time - random.number(300_000...1_950_000))
    faults.append(Fault(kind: cut, start: start, duration: random.number(3_000_000...6_000_000)))
    // It goes on when somebody else has its partitions.
    length = max(300_000, start + 2_150_000 - time) + random.number(50_000...900_000)
    return .hangInStep(drone, thread: 1 + random.index(2), after: random.index(3))
  }

  /// In part of the cases the link is cut while it is slow.
  private mutating func slow(
    at time: Int64, _ length: inout Int64, _ random: inout SeededRandom
  ) -> Fault.Kind {
    length += 2_000_000
    let drone = Fault.Place.drone(random.index(drones))
    let other = random.chance(700_000) ? Fault.Place.commander(else: 0) : place(&random, clients: true)
    if random.chance(600_000) {
      let start = time + random.number(500_000...length)
      let kind = random.chance(600_000) ? Fault.Kind.cutOneWay(drone, other) : .cut(drone, other)
      faults.append(Fault(kind: kind, start: start, duration: random.number(2_000_000...5_000_000)))
    }
    let lag = random.number(50_000...700_000)
    return random.chance(700_000) ? .slow(other, drone, lag) : .slow(drone, other, lag)
  }

  private func drawLasting(_ random: inout SeededRandom) -> Fault? {
    // A minority must not be what everything depends on.
    guard drones >= 3 else { return nil }
    let one = Fault.Place.drone(random.index(drones))
    let others: [Fault.Place] = [
      .authority, .drone((random.index(drones))), .drone(random.index(drones)), .database,
    ]
    let other = others[random.index(others.count)]
    guard one != other else { return nil }
    let kind: Fault.Kind =
      switch random.index(3) {
      case 0: .cut(one, other)
      case 1: .cutOneWay(one, other)
      default: .cutOneWay(other, one)
      }
    return Fault(kind: kind, start: random.number(0...length), duration: nil)
  }

  /// Links are clogged one after the other, and freed in another order.
  private mutating func swizzle(at time: Int64, _ random: inout SeededRandom) {
    var start = time
    let count = 2 + random.index(3)
    let free = time + random.number(1_500_000...4_000_000)
    for _ in 0..<count {
      let (one, other) = (place(&random, clients: true), place(&random, clients: true))
      let end = free + random.number(0...2_000_000)
      add(random.chance(500_000) ? .isolate(one) : .cut(one, other), at: start, for: end - start)
      start += random.number(20_000...400_000)
    }
  }

  /// Of all that can be left out, those who lie behind the rest.
  var indices: Range<Int> { 0..<faults.count + lies.count }

  /// The same plan with some of its faults only.
  func keeping(_ indices: Set<Int>, lasting keepsLasting: Bool) -> FaultPlan {
    var plan = self
    plan.faults = faults.indices.filter(indices.contains).map { faults[$0] }
    plan.lies = lies.indices.filter { indices.contains(faults.count + $0) }.map { lies[$0] }
    if !keepsLasting { plan.lasting = nil }
    return plan
  }
}
