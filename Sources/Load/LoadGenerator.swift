import Cluster
import Kerberos
import Keyval
import NIOCore
import NIOPosix
import Synchronization
import Transport

/// Sessions with the drones of a cluster, and requests over them without end: for whoever measures.
///
/// It goes by sessions, not by the client library: each connection is a client of its own, keeps as many requests under
/// way as it is told, and asks its drone for keys that the drone serves. Nothing is allocated for a request.
public final class LoadGenerator: Sendable {
  private let client: KeyvalClient
  private let group: MultiThreadedEventLoopGroup
  private let loops: [Loop]
  private let connections: Int
  private let doubts = Doubts()
  private let state = Mutex(State())

  private struct Loop: Sendable {
    let bound: NIOLoopBound<LoadLoop>
    let eventLoop: any EventLoop
    let progress: LoadProgress
    /// The connections of this loop, by their numbers among all.
    let numbers: [Int]

    func execute(_ body: @escaping @Sendable (LoadLoop) -> Void) {
      eventLoop.execute { [bound] in body(bound.value) }
    }
  }

  private struct State {
    var owners: SlotOwners?
    /// What was worked out for the last load, for the next of the same keys.
    var shares: (names: KeyNames, owners: SlotOwners, all: [KeyShare])?
    var zipfian: Zipfian?
  }

  /// Connects nothing yet. Raises the soft limit of this process' file descriptors, of which a connection takes one.
  /// - Throws: `KeyvalError` when the configuration is wrong, ``LoadError/badSize(_:)`` for more connections than there
  ///   may be file descriptors.
  public init(configuration: ClientConfiguration, connections: Int, loops: Int) async throws {
    let (count, connections) = (max(1, min(loops, connections)), max(1, connections))
    try DescriptorLimit.raise(for: connections)
    client = try KeyvalClient(configuration: configuration)
    group = MultiThreadedEventLoopGroup(numberOfThreads: count)
    self.connections = connections
    let dialer = SessionDialer(cluster: configuration.cluster)
    let credential = CredentialOfCache(name: configuration.credentialCache)
    var made: [Loop] = []
    for index in 0..<count {
      let eventLoop = group.next()
      let progress = LoadProgress()
      let bound = try await eventLoop.submit { [doubts] in
        let loop = LoadLoop(
          on: eventLoop, dialer: dialer,
          credential: { () throws(KerberosError) in try credential.current() }, progress: progress,
          doubts: doubts)
        return NIOLoopBound(loop, eventLoop: eventLoop)
      }.get()
      let numbers = Array(stride(from: index, to: connections, by: count))
      made.append(Loop(bound: bound, eventLoop: eventLoop, progress: progress, numbers: numbers))
    }
    self.loops = made
  }

  /// Requests that are answered so far, of the load that is under way; a tenth of a second old.
  public var answered: UInt64 {
    loops.reduce(0) { $0 + $1.progress.answered.load(ordering: .relaxed) }
  }

  /// Opens all sessions, those of each loop one after the other: none is refused for being one of too many.
  /// - Throws: `KeyvalError`, ``LoadError``.
  public func open() async throws {
    let owners = try await SlotOwners(client)
    guard owners.drones.count <= connections else {
      throw LoadError.badSize(
        "\(owners.drones.count) drones serve keys: take at least as many connections, so that each has one")
    }
    state.withLock { $0.owners = owners }
    try await withThrowingTaskGroup { tasks in
      for loop in loops {
        tasks.addTask {
          for number in loop.numbers {
            let drone = owners.drones[number % owners.drones.count]
            let result = await withCheckedContinuation { continuation in
              loop.execute { $0.open(drone) { continuation.resume(returning: $0) } }
            }
            try result.get()
          }
        }
      }
      try await tasks.waitForAll()
    }
  }

  /// Ends all sessions. What is under way is lost.
  public func close() async {
    for loop in loops {
      await withCheckedContinuation { continuation in
        loop.execute { $0.close { continuation.resume() } }
      }
    }
    client.close()
    try? await group.shutdownGracefully()
  }

  /// Puts each key once.
  /// - Throws: ``LoadError/incomplete`` unless all were put, and what ``run(_:)`` throws.
  public func load(_ plan: LoadPlan) async throws -> LoadOutcome {
    var plan = plan
    plan.mix = .put
    plan.rate = nil
    let owners = state.withLock { $0.owners }
    let outcome = try await perform(plan, putsEachKey: true)
    // Where slots moved, the same key may have been put twice, and another not at all.
    guard outcome.answered == UInt64(plan.keys.count), outcome.failures == 0,
      state.withLock({ $0.owners }) == owners
    else { throw LoadError.incomplete }
    return outcome
  }

  /// Asks for as long, or as often, as planned. After an error there may be answers still to come: all that can be done
  /// then is to close.
  /// - Throws: ``LoadError``, `KeyvalError`, `CancellationError`.
  public func run(_ plan: LoadPlan) async throws -> LoadOutcome {
    try await perform(plan, putsEachKey: false)
  }
}

// A load on all loops
extension LoadGenerator {
  private func perform(_ plan: LoadPlan, putsEachKey: Bool) async throws -> LoadOutcome {
    guard let owners = state.withLock({ $0.owners }) else { throw LoadError.noOwner }
    let shares = shares(of: plan.keys, owners)
    let zipfian = plan.distribution == .zipfian || plan.mix.readsLatest ? zipfian(plan, shares) : nil
    let (start, processor) = (MonotonicClock.now(), MonotonicClock.processorTime())
    let end = Self.end(of: plan, start: start, putsEachKey: putsEachKey)
    let assignments = (0..<connections).map { number in
      let (drone, turn, turns) = place(number, owners)
      let course = Pipeline.Course(
        mix: plan.mix,
        templates: RequestTemplates(names: plan.keys, valueBytes: plan.valueBytes, level: plan.level),
        depth: plan.depth, quota: quota(plan, number, putsEachKey), end: end,
        schedule: plan.rate.map {
          RateSchedule(start: start, rate: $0, turn: UInt64(number), turns: UInt64(connections))
        },
        zipfian: zipfian, sequence: putsEachKey ? (turn, turns) : nil, turn: (number, connections))
      return LoadLoop.Assignment(course: course, share: shares[drone], drone: owners.drones[drone])
    }
    let finished = try await withTaskCancellationHandler {
      try await withThrowingTaskGroup { tasks in
        let refreshing = Task { await refreshOwners(plan.keys) }
        defer { refreshing.cancel() }
        for loop in loops { tasks.addTask { await self.run(assignments, on: loop) } }
        return try await tasks.reduce(into: [LoadLoop.Finished]()) { $0.append($1) }
      }
    } onCancel: {
      stop()
    }
    try Task.checkCancellation()
    return try Self.outcome(finished, start: start, processor: processor)
  }

  private static func end(of plan: LoadPlan, start: UInt64, putsEachKey: Bool) -> UInt64 {
    guard !putsEachKey, case .seconds(let seconds) = plan.extent else { return .max }
    return start + UInt64(max(0, seconds) * 1_000_000_000)
  }

  /// The drone of a connection, and its turn among that drone's.
  private func place(_ number: Int, _ owners: SlotOwners) -> (drone: Int, turn: Int, turns: Int) {
    let count = owners.drones.count
    let drone = number % count
    return (drone, number / count, (connections - drone + count - 1) / count)
  }

  private func quota(_ plan: LoadPlan, _ number: Int, _ putsEachKey: Bool) -> UInt64? {
    guard !putsEachKey, case .requests(let requests) = plan.extent else { return nil }
    let (each, rest) = requests.quotientAndRemainder(dividingBy: UInt64(connections))
    return each + (UInt64(number) < rest ? 1 : 0)
  }

  private func run(_ assignments: [LoadLoop.Assignment], on loop: Loop) async -> LoadLoop.Finished {
    let own = loop.numbers.map { assignments[$0] }
    let finished = await withCheckedContinuation { continuation in
      loop.execute { $0.begin(own) { continuation.resume(returning: $0) } }
    }
    if finished.tally.failure != nil { stop() }
    return finished
  }

  private func stop() { for loop in loops { loop.execute { $0.stop() } } }

  private static func outcome(
    _ finished: [LoadLoop.Finished], start: UInt64, processor: UInt64
  ) throws(LoadError) -> LoadOutcome {
    var (tally, last) = (Tally(), start)
    for loop in finished {
      tally.add(loop.tally)
      last = max(last, loop.lastAnswer)
    }
    if let failure = tally.failure { throw failure }
    return LoadOutcome(
      tally, seconds: Double(last - start) / 1e9,
      processorTime: Double(MonotonicClock.processorTime() - processor) / 1e9)
  }

  private func shares(of names: KeyNames, _ owners: SlotOwners) -> [KeyShare] {
    if let known = state.withLock({ $0.shares }), known.names == names, known.owners == owners {
      return known.all
    }
    let isWhole = owners.drones.count == 1 && !owners.owners.contains(nil)
    let all =
      isWhole
      ? [KeyShare(all: names.count)]
      : KeyShare.split(names, owners: owners.owners, drones: owners.drones.count)
    state.withLock { $0.shares = (names, owners, all) }
    return all
  }

  /// Of as many ranks as the largest share has keys.
  private func zipfian(_ plan: LoadPlan, _ shares: [KeyShare]) -> Zipfian {
    let count = shares.map(\.count).max() ?? 1
    if let known = state.withLock({ $0.zipfian }), known.count == count { return known }
    let made = Zipfian(count: count)
    state.withLock { $0.zipfian = made }
    return made
  }
}

// When slots move
extension LoadGenerator {
  /// Looks ten times a second whether somebody found the slot map to be wrong.
  private func refreshOwners(_ names: KeyNames) async {
    while (try? await Task.sleep(for: .milliseconds(100))) != nil {
      guard let doubt = doubts.take(), let partition = partition(of: doubt) else { continue }
      // The client finds the same, and asks for the newest map. Its answer does not matter.
      _ = try? await client.get(SlotOwners.samples[partition])
      guard let owners = try? await SlotOwners(client) else { continue }
      state.withLock { $0.owners = owners }
      let shares = shares(of: names, owners)
      for loop in loops {
        let own = loop.numbers.map { number in
          let drone = number % owners.drones.count
          return (shares[drone], owners.drones[drone])
        }
        loop.execute { $0.reassign(own) }
      }
    }
  }

  /// One that is concerned.
  private func partition(of doubt: Doubts.Doubt) -> Int? {
    switch doubt {
    case .partition(let partition): partition.index
    case .drone(let drone):
      state.withLock { state in
        guard let owners = state.owners, let index = owners.drones.firstIndex(of: drone) else { return nil }
        return owners.owners.firstIndex(of: index)
      }
    }
  }
}

/// What makes the slot map doubtful, the last of it, for whoever looks.
final class Doubts: Sendable {
  enum Doubt: Sendable {
    /// The drone does not serve it.
    case partition(Partition)
    /// It ended a session, or takes none.
    case drone(LoadDrone)
  }

  private let last = Mutex<Doubt?>(nil)

  func put(_ doubt: Doubt) { last.withLock { $0 = doubt } }

  func take() -> Doubt? {
    last.withLock { last in
      defer { last = nil }
      return last
    }
  }
}

/// The ticket that all connections are opened with: looked for once.
private final class CredentialOfCache: Sendable {
  private let name: String?
  private let found = Mutex<InitiatorCredential?>(nil)

  init(name: String?) { self.name = name }

  func current() throws(KerberosError) -> InitiatorCredential {
    try found.withLock { found throws(KerberosError) in
      if let found { return found }
      let credential = try InitiatorCredential.fromCache(name: name)
      found = credential
      return credential
    }
  }
}
