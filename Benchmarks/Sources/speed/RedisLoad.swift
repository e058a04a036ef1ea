import CTLS
import Dispatch
import Foundation
import Histogram
import Load
import Synchronization

/// Connections to a `redis-server` by TLS, and requests over them without end: one thread that waits for all sockets,
/// as Keyval's load has one event loop.
final class RedisLoad: Sendable {
  struct Plan: Sendable {
    var course: RedisPipeline.Course
    var depth: Int
    var keys: KeyNames
    var valueBytes = 32
    /// Nil: until all keys are put.
    var seconds: Double?
    /// Requests a second, of all connections; nil: as many as are answered.
    var rate: UInt64?
  }

  struct Outcome: Sendable {
    let latencies: LoadOutcome.Latencies
    let seconds: Double
    let processorTime: Double
  }

  private final class Connection {
    let tls: TLSConnection
    var pipeline: RedisPipeline?
    var input = [UInt8](repeating: 0, count: 64 << 10)
    /// Bytes of a reply of which only a part has come.
    var kept = 0
    /// Requests that the socket has not taken.
    var unsent: [UInt8] = []

    init(_ tls: TLSConnection) { self.tls = tls }
  }

  private struct State {
    var connections: [Connection] = []
    var poll: Int32 = -1
    var histogram = Histogram<UInt64>(
      lowestDiscernibleValue: 100, highestTrackableValue: 3_600_000_000_000,
      numberOfSignificantValueDigits: .three)
  }

  private let state: Mutex<State>
  private let queue = DispatchQueue(label: "redis load")

  init(certificates: String, port: Int, connections: Int) throws {
    state = Mutex(State())
    try state.withLock { state in
      let context = try TLSConnection.Context(certificates: certificates)
      state.poll = benchmark_epoll_new()
      guard state.poll >= 0 else { throw RedisError("there is no epoll") }
      for index in 0..<connections {
        let connection = Connection(try TLSConnection(context, port: port))
        guard benchmark_epoll_add(state.poll, connection.tls.descriptor, UInt64(index)) == 0 else {
          throw RedisError("a socket cannot be waited for")
        }
        state.connections.append(connection)
      }
    }
  }

  func close() {
    state.withLock { state in
      state.connections = []
      if state.poll >= 0 { Glibc.close(state.poll) }
      state.poll = -1
    }
  }

  /// On a thread of its own, which does nothing else.
  func run(_ plan: Plan) async throws -> Outcome {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { [self] in
        continuation.resume(with: Result { try state.withLock { try Self.run(plan, &$0) } })
      }
    }
  }

  private static func run(_ plan: Plan, _ state: inout State) throws -> Outcome {
    let (start, processor) = (MonotonicClock.now(), MonotonicClock.processorTime())
    let end = plan.seconds.map { start + UInt64($0 * 1e9) } ?? .max
    state.histogram.reset()
    let count = state.connections.count
    for (index, connection) in state.connections.enumerated() {
      let course =
        if case .load = plan.course { RedisPipeline.Course.load(first: index, step: count) } else {
          plan.course
        }
      connection.pipeline = RedisPipeline(
        course, depth: plan.depth, names: plan.keys, valueBytes: plan.valueBytes,
        seed: UInt64.random(in: .min ... .max),
        schedule: plan.rate.map {
          RateSchedule(start: start, rate: $0, turn: UInt64(index), turns: UInt64(count))
        })
      try send(connection, now: start)
    }
    let last = try serve(&state, until: end, isPaced: plan.rate != nil)
    return Outcome(
      latencies: LoadOutcome.Latencies(state.histogram), seconds: Double(last - start) / 1e9,
      processorTime: Double(MonotonicClock.processorTime() - processor) / 1e9)
  }

  /// Until all connections are done.
  /// - Returns: when the last answer came.
  private static func serve(_ state: inout State, until end: UInt64, isPaced: Bool) throws -> UInt64 {
    var (running, last) = (state.connections.count, MonotonicClock.now())
    var numbers = [UInt64](repeating: 0, count: 64)
    while running > 0 {
      let wait = isPaced ? try sendDue(state.connections, until: end) : patience
      let ready = benchmark_epoll_wait(state.poll, &numbers, wait)
      let now = MonotonicClock.now()
      guard ready > 0 else {
        if ready < 0, errno == EINTR { continue }
        guard now &- last < UInt64(patience) else { throw RedisError("no answer for 30 s") }
        if isPaced, now >= end { running = stopIdle(state.connections) }
        continue
      }
      for number in numbers[..<Int(ready)] {
        let connection = state.connections[Int(number)]
        let now = MonotonicClock.now()
        last = now
        try receive(connection, now: now, &state.histogram)
        if now >= end { connection.pipeline?.stop() }
        try send(connection, now: now)
        if let pipeline = connection.pipeline, pipeline.underWay == 0, pipeline.isOver {
          connection.pipeline = nil
          running -= 1
        }
      }
    }
    return last
  }

  private static let patience: Int64 = 30_000_000_000

  /// Sends what is due at a fixed rate.
  /// - Returns: nanoseconds until the next request is due.
  private static func sendDue(_ connections: [Connection], until end: UInt64) throws -> Int64 {
    let now = MonotonicClock.now()
    var next = max(end, now)
    for connection in connections {
      guard let due = connection.pipeline?.nextDue else { continue }
      if due <= now, now < end { try send(connection, now: now) }
      if let due = connection.pipeline?.nextDue { next = min(next, max(due, now)) }
    }
    // As often as Keyval's load wakes, and no oftener.
    return max(20_000, Int64(clamping: next - now))
  }

  /// After the end nobody waits for what is not due yet.
  /// - Returns: how many connections have something under way.
  private static func stopIdle(_ connections: [Connection]) -> Int {
    for connection in connections {
      connection.pipeline?.stop()
      if connection.pipeline?.underWay == 0 { connection.pipeline = nil }
    }
    return connections.count { $0.pipeline != nil }
  }

  private static func receive(
    _ connection: Connection, now: UInt64, _ histogram: inout Histogram<UInt64>
  ) throws {
    repeat {
      let kept = connection.kept
      let count = try connection.input.withUnsafeMutableBytes { input in
        try connection.tls.read(into: UnsafeMutableRawBufferPointer(rebasing: input[kept...]))
      }
      guard count > 0 else { return }
      let all = kept + count
      let taken = try connection.input.withUnsafeBytes { input in
        try connection.pipeline?.take(UnsafeRawBufferPointer(rebasing: input[..<all])) { left, count in
          histogram.record(now &- left, count: count)
        }
      }
      guard let taken else { throw RedisError("it answers what was not asked") }
      if taken > 0, taken < all {
        connection.input.withUnsafeMutableBytes { input in
          // From the back to the front of one buffer, which memmove may do.
          input.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[taken..<all]))
        }
      }
      connection.kept = all - taken
      guard connection.kept < connection.input.count else { throw RedisError("a reply is too long") }
    } while connection.tls.hasMore
  }

  private static func send(_ connection: Connection, now: UInt64) throws {
    if !connection.unsent.isEmpty {
      let taken = try connection.unsent.withUnsafeBytes { try connection.tls.write($0) }
      connection.unsent.removeFirst(taken)
      guard connection.unsent.isEmpty else { return }
    }
    guard let length = connection.pipeline?.fill(now: now), length > 0 else { return }
    var sent = 0
    while sent < length {
      let taken = try connection.pipeline?.output.withUnsafeBytes { output in
        try connection.tls.write(UnsafeRawBufferPointer(rebasing: output[sent..<length]))
      }
      guard let taken, taken > 0 else { break }
      sent += taken
    }
    // The socket takes the rest once the server has read: that is when its answers come.
    if sent < length, let output = connection.pipeline?.output {
      connection.unsent = Array(output[sent..<length])
    }
  }
}
