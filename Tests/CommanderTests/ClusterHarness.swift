import Cluster

/// A cluster in one thread and virtual time: the cores of drones and commanders, an authority and a database in
/// miniature, and a network that delays, reorders, loses and duplicates. One seed, one run.
///
/// Checked while it runs: no two drones hold a lease on one partition at the same instant, and no drone that
/// holds one has less than what was acknowledged.
final class ClusterHarness {
  enum Place: Hashable, Comparable {
    case drone(Int)
    case authority
    case database
  }

  /// What the network does to a message. Chances are per mille.
  struct Weather {
    var loss = 0
    var duplication = 0
    var delayed = 0
    /// The longest delay of a delayed message, in milliseconds.
    var delay: Int64 = 2000

    static let fair = Weather()
    static let foul = Weather(loss: 30, duplication: 30, delayed: 30, delay: 2500)
  }

  let timing: Timing
  let seed: UInt64
  private(set) var time: Int64 = 0
  var random: SeededGenerator
  var weather = Weather.fair
  private(set) var drones: [HarnessDrone] = []
  private(set) var violations: [String] = []
  /// The last write of each partition that a client was told of.
  private(set) var acknowledged = [UInt64](repeating: 0, count: Partition.count)
  private(set) var authority: HarnessAuthority!
  private(set) var database: HarnessDatabase!

  private var timeline: [Int64: [() -> Void]] = [:]
  private var down: Set<Place> = []
  private var hangs: [Place: Int] = [:]
  private var backlog: [Place: [() -> Void]] = [:]
  private var cuts: [Link: Int] = [:]

  private struct Link: Hashable {
    let first: Place
    let second: Place
    init(_ one: Place, _ other: Place) {
      first = min(one, other)
      second = max(one, other)
    }
  }

  var wall: Int64 { HarnessNames.wallStart + time / 1000 }

  init(drones count: Int, seed: UInt64, timing: Timing = Timing()) {
    self.timing = timing
    self.seed = seed
    random = SeededGenerator(seed: seed)
    authority = HarnessAuthority(self)
    database = HarnessDatabase(self)
    for index in 0..<count { drones.append(HarnessDrone(self, index: index)) }
    repeating(.authority, every: 50) { $0.authority.tick() }
    repeating(.database, every: 400) { $0.database.tick() }
    for drone in drones { drone.start() }
  }

  /// One more drone.
  func join() {
    let drone = HarnessDrone(self, index: drones.count)
    drones.append(drone)
    drone.start()
  }

  // MARK: Time

  func after(_ milliseconds: Int64, _ body: @escaping () -> Void) {
    timeline[time + max(1, milliseconds), default: []].append(body)
  }

  /// Runs at a place: later if it hangs, never if it is down by then.
  func at(_ place: Place, after milliseconds: Int64, _ body: @escaping () -> Void) {
    after(milliseconds) { [unowned self] in run(body, at: place) }
  }

  private func run(_ body: @escaping () -> Void, at place: Place) {
    if down.contains(place) { return }
    if hangs[place] != nil {
      backlog[place, default: []].append(body)
    } else {
      body()
    }
  }

  private func repeating(_ place: Place, every period: Int64, _ body: @escaping (ClusterHarness) -> Void) {
    after(period) { [unowned self] in
      run({ [unowned self] in body(self) }, at: place)
      repeating(place, every: period, body)
    }
  }

  func run(for milliseconds: Int64, until isDone: () -> Bool = { false }) {
    let end = time + milliseconds
    while time < end, violations.isEmpty {
      time += 1
      if let events = timeline.removeValue(forKey: time) { for event in events { event() } }
      if time % 100 == 0, isDone() { return }
    }
  }

  // MARK: The network

  func isCut(_ one: Place, _ other: Place) -> Bool { cuts[Link(one, other)] != nil }
  func isDown(_ place: Place) -> Bool { down.contains(place) }
  func isHung(_ place: Place) -> Bool { hangs[place] != nil }

  static func place(of principal: Principal) -> Place? {
    switch principal.role {
    case .drone: principal.instance.flatMap { Int($0.dropFirst()) }.map { .drone($0 - 1) }
    case .authority: .authority
    case .database, .command: .database
    default: nil
    }
  }

  func send(_ message: ControlMessage, from source: Place, as sender: Principal, to principal: Principal) {
    let addressee = principal.commandService == nil || principal.role == .database ? principal : principal
    guard let target = Self.place(of: addressee) else { return }
    if source == target {
      return at(target, after: 1) { [unowned self] in deliver(message, from: sender, to: target) }
    }
    if random.chance(weather.loss) { return }
    let copies = random.chance(weather.duplication) ? 2 : 1
    for _ in 0..<copies {
      var delay = random.number(1...8)
      if random.chance(weather.delayed) { delay += random.number(0...weather.delay) }
      after(delay) { [unowned self] in
        if isCut(source, target) { return }
        run({ [unowned self] in deliver(message, from: sender, to: target) }, at: target)
      }
    }
  }

  private func deliver(_ message: ControlMessage, from sender: Principal, to target: Place) {
    switch target {
    case .authority: authority.receive(message, from: sender)
    case .database: database.receive(message, from: sender)
    case .drone(let index): if drones.indices.contains(index) { drones[index].receive(message, from: sender) }
    }
  }

  // MARK: Faults

  func cut(_ one: Place, _ other: Place, for milliseconds: Int64) {
    let link = Link(one, other)
    cuts[link, default: 0] += 1
    after(milliseconds) { [unowned self] in
      cuts[link] = cuts[link].flatMap { $0 > 1 ? $0 - 1 : nil }
    }
  }

  /// Cuts a place off from all others.
  func isolate(_ place: Place, for milliseconds: Int64) {
    for other in places where other != place { cut(place, other, for: milliseconds) }
  }

  var places: [Place] { drones.map { .drone($0.index) } + [.authority, .database] }

  /// As SIGSTOP and SIGCONT: what comes meanwhile is taken afterwards, in order.
  func hang(_ place: Place, for milliseconds: Int64) {
    hangs[place, default: 0] += 1
    after(milliseconds) { [unowned self] in
      guard let count = hangs[place] else { return }
      hangs[place] = count > 1 ? count - 1 : nil
      guard count == 1, let waiting = backlog.removeValue(forKey: place) else { return }
      for body in waiting { run(body, at: place) }
    }
  }

  /// As SIGKILL, and a start later; nil: for good.
  func crash(_ place: Place, for milliseconds: Int64?) {
    guard down.insert(place).inserted else { return }
    backlog[place] = nil
    hangs[place] = nil
    if case .drone(let index) = place { drones[index].end() }
    guard let milliseconds else { return }
    after(milliseconds) { [unowned self] in
      down.remove(place)
      switch place {
      case .drone(let index): drones[index].start()
      case .authority: authority.restart()
      case .database: break
      }
    }
  }

  // MARK: Checks

  func violated(_ sentence: String) { violations.append("seed \(seed), \(time) ms: \(sentence)") }

  /// A drone has just been given, or told of, a lease on these partitions.
  func checkExclusion(_ partitions: PartitionSet, of drone: HarnessDrone) {
    for other in drones where other !== drone {
      for partition in partitions where other.isServing(partition) && drone.isServing(partition) {
        violated("\(drone.name) and \(other.name) both serve partition \(partition)")
      }
    }
  }

  func acknowledge(_ partition: Partition, _ sequence: UInt64) {
    acknowledged[partition.index] = max(acknowledged[partition.index], sequence)
  }

  /// Drones that hold an office and have a majority.
  var commanders: [HarnessDrone] { drones.filter { $0.isCommanding } }

  var served: Int {
    Partition.all.count { partition in drones.contains { $0.isServing(partition) } }
  }

  var isWhole: Bool { commanders.count == 1 && served == Partition.count }

  /// How many partitions each drone serves.
  var shares: [Int] { drones.map { drone in Partition.all.count { drone.isServing($0) } } }

  var isEven: Bool {
    let up = drones.filter { !isDown(.drone($0.index)) }.map { drone in
      Partition.all.count { drone.isServing($0) }
    }
    return (up.max() ?? 0) - (up.min() ?? 0) <= 1
  }

  var summary: String {
    "seed \(seed) at \(time) ms: \(served) served, shares \(shares), term \(authority.term), commanders "
      + "\(commanders.map(\.name))\n" + drones.map(\.summary).joined(separator: "\n")
  }
}
