import Cluster
import Testing

@testable import Authority

/// Processes of one authority on one register, with clocks of their own.
private final class Site {
  final class Process {
    var tenure: Tenure
    var now: Instant
    var isHung = false
    var begun = false
    var ended = false
    /// Register operations that have been asked for and not done.
    var waiting: [Tenure.Action] = []

    init(_ number: UInt64, now: Int64) {
      tenure = Tenure(holder: Incarnation(number), timing: Site.timing)
      self.now = Instant(milliseconds: now)
    }

    var isCertain: Bool { begun && !ended && now < tenure.until }
  }

  static let timing = Timing()
  var record = TenureRecord.vacant
  var processes: [Process] = []
  /// Operations that are done and whose answer is lost: as if they had failed.
  var losesAnswers = false

  func add(_ number: UInt64, now: Int64 = 0) -> Process {
    let process = Process(number, now: now)
    processes.append(process)
    return process
  }

  func pass(_ milliseconds: Int64) {
    for _ in 0..<(milliseconds / 10) {
      for process in processes {
        process.now = process.now + 10
        if !process.isHung, process.tenure.nextTick.map({ process.now >= $0 }) ?? false {
          feed(process, .ticked)
        }
      }
      #expect(processes.count { $0.isCertain } <= 1)
    }
  }

  func feed(_ process: Process, _ event: Tenure.Event) {
    for action in process.tenure.handle(event, now: process.now) {
      switch action {
      case .begin: process.begun = true
      case .extend: break
      case .end: process.ended = true
      case .read, .replace: process.waiting.append(action)
      }
    }
    while !process.isHung, !process.waiting.isEmpty { perform(process) }
  }

  /// Does what was asked for first.
  func perform(_ process: Process) {
    switch process.waiting.removeFirst() {
    case .read(let operation): feed(process, .read(operation: operation, record))
    case .replace(let operation, let expected, let next):
      let isStored = record == expected
      let outcome = isStored ? Tenure.Replacement.stored : .stale(record)
      if isStored { record = next }
      feed(process, losesAnswers ? .failed(operation: operation) : .replaced(operation: operation, outcome))
    default: break
    }
  }
}

@Suite("The tenure of an authority") struct TenureTests {
  private let wait = Site.timing.tenure + Site.timing.drift

  @Test("a register that nobody holds is taken at once, and held as long as it is renewed")
  func takenAtOnce() {
    let site = Site()
    let a = site.add(1)
    site.pass(10)
    #expect(a.isCertain && site.record.holder == Incarnation(1))
    let counter = site.record.counter
    site.pass(10_000)
    #expect(a.isCertain && site.record.counter > counter + 30)
  }

  @Test("who stands by never takes over from one that renews")
  func standsBy() {
    let site = Site()
    let (a, b) = (site.add(1), site.add(2, now: 5_000_000))
    site.pass(60_000)
    #expect(a.isCertain && !b.begun)
  }

  @Test("one that is silent is succeeded after its tenure and the drift, not before")
  func succeeded() {
    let site = Site()
    let (a, b) = (site.add(1), site.add(2))
    site.pass(1_000)
    a.isHung = true
    site.pass(wait - 300)
    #expect(!b.begun)
    site.pass(1_000)
    #expect(b.isCertain && !a.isCertain)
    // It wakes up: it finds out, and does nothing more.
    a.isHung = false
    site.pass(1_000)
    #expect(a.ended && b.isCertain && site.record.holder == Incarnation(2))
  }

  @Test("a tenure counts from before the renewal began: one that hung in the middle of it has none")
  func hungInRenewal() {
    let site = Site()
    let (a, b) = (site.add(1), site.add(2))
    site.pass(1_000)
    // The renewal is asked for and stored, and the answer comes when the process goes on.
    while a.waiting.isEmpty {
      a.now = a.now + 10
      a.isHung = true
      site.feed(a, .ticked)
    }
    guard case .replace(let operation, _, let next) = a.waiting.removeFirst() else { return }
    site.record = next
    site.pass(wait + 1_000)
    #expect(b.isCertain)
    a.isHung = false
    site.feed(a, .replaced(operation: operation, .stored))
    #expect(!a.isCertain)
    site.pass(1_000)
    #expect(a.ended && b.isCertain)
  }

  @Test("one that hung before its compare-and-set does not take over from one that has renewed since")
  func hungBeforeTaking() {
    let site = Site()
    let (a, b) = (site.add(1), site.add(2))
    site.pass(1_000)
    a.isHung = true
    // b decides to take over, and hangs before the register has it.
    b.isHung = true
    var isTaking = false
    while !isTaking {
      for process in [a, b] { process.now = process.now + 10 }
      site.feed(b, .ticked)
      if case .read = b.waiting.first { site.perform(b) }
      isTaking = !b.waiting.isEmpty
    }
    a.isHung = false
    site.pass(500)
    #expect(a.isCertain)
    b.isHung = false
    site.pass(500)
    #expect(a.isCertain && !b.begun)
  }

  @Test("a renewal whose outcome is unknown extends nothing, and the next one goes on from what is there")
  func unknownOutcome() {
    let site = Site()
    let a = site.add(1)
    site.pass(1_000)
    site.losesAnswers = true
    site.pass(Site.timing.tenure + 500)
    #expect(!a.isCertain && !a.ended)
    site.losesAnswers = false
    site.pass(1_000)
    #expect(a.isCertain)
  }

  @Test("a take-over whose outcome is unknown is looked up")
  func unknownTakeOver() {
    let site = Site()
    let a = site.add(1)
    site.losesAnswers = true
    site.pass(1_000)
    #expect(!a.begun && site.record.holder == Incarnation(1))
    site.losesAnswers = false
    site.pass(1_000)
    #expect(a.isCertain)
  }

  @Test("what was given back is taken without waiting")
  func givenBack() {
    let site = Site()
    let (a, b) = (site.add(1), site.add(2))
    site.pass(1_000)
    // As the shell does when the process is asked to end: everything else has ended before.
    (a.isHung, a.ended) = (true, true)
    site.record = site.record.followed(by: nil)
    site.pass(Site.timing.heartbeat + 20)
    #expect(b.isCertain)
  }
}

@Suite("An authority whose tenure may be over") struct SilentAuthorityTests {
  private let d1 = World.drone(1)

  @Test("it answers no heartbeat, and answers again when the tenure goes on")
  func heartbeat() {
    let world = World(drones: 2)
    world.elect(1, term: 1)
    world.pass(100)
    world.tenure = world.now + 1_000
    world.restart()
    world.heartbeat(term: 1, from: d1, sequence: 1)
    #expect(world.heard(by: d1) == [1])
    world.pass(1_000)
    world.heartbeat(term: 1, from: d1, sequence: 2)
    #expect(world.heard(by: d1) == [1])
    world.feed(.tenureExtended(until: world.now + 2_000))
    world.heartbeat(term: 1, from: d1, sequence: 3)
    #expect(world.heard(by: d1) == [1, 3])
  }

  @Test("it gives its own voice in no ballot")
  func ballot() {
    let world = World(drones: 2)
    world.tenure = world.now
    world.restart()
    // One of two drones: with the authority's voice, a majority.
    world.votes = [d1: d1]
    world.request(1, by: d1)
    world.pass(World.timing.ballot)
    #expect(world.register.office == .vacant && world.failures(of: d1).count == 1)
    world.feed(.tenureExtended(until: world.now + 10_000))
    world.request(2, by: d1)
    world.pass(World.timing.ballot)
    #expect(world.register.office.term == Term(2))
  }

  @Test(
    "who takes over counts the commander as heard, by the one before it, and keeps its voice back as long")
  func successor() {
    let world = World(drones: 2)
    world.elect(1, term: 1)
    world.pass(100)
    #expect(world.register.office.certificate != nil)
    world.restart()
    let d2 = World.drone(2)
    world.votes = [d2: d2]
    world.request(2, by: d2)
    world.pass(World.timing.ballot)
    #expect(world.register.office.term == Term(1), "within the suspicion after the take-over")
    world.pass(World.timing.suspicion)
    world.request(3, by: d2)
    world.pass(World.timing.ballot)
    #expect(world.register.office.term == Term(3))
  }

  @Test("it tells all registered nodes at once, so that they talk to this process from then on")
  func announcement() {
    let world = World(drones: 3)
    let before = world.actions.count
    world.restart()
    let told = world.actions[before...].compactMap { action in
      if case .send(.registered, let peer) = action { peer } else { nil }
    }
    #expect(Set(told) == Set(world.register.nodes.map(\.node.principal)))
  }
}
