import Cluster
import NIOCore
import NIOPosix
import Testing

@testable import Node

@Suite("A timer whose moment may change") struct DeadlineTimerTests {
  private final class Calls {
    var timer: DeadlineTimer?
    var late: [Int64] = []
  }

  /// How often it comes within a time after it was set to these moments, one after the other, in milliseconds from now.
  private func calls(_ moments: [Int64?], within milliseconds: Int64) async throws -> Int {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let calls = try await loop.submit {
      let calls = Calls()
      calls.timer = DeadlineTimer(on: loop) { [unowned calls] in calls.late.append($0) }
      let now = NodeClock.now()
      for moment in moments { calls.timer?.wait(until: moment.map { now + $0 }, now: now) }
      return NIOLoopBound(calls, eventLoop: loop)
    }.get()
    let count = try await loop.scheduleTask(in: .milliseconds(milliseconds)) { calls.value.late.count }
      .futureResult.get()
    try await loop.submit { calls.value.timer?.cancel() }.get()
    try await group.shutdownGracefully()
    return count
  }

  @Test(
    "it comes once, at the last moment that it was set to",
    arguments: [[20], [5, 40], [10_000, 20], [-100]])
  func once(moments: [Int64]) async throws {
    #expect(try await calls(moments, within: 400) == 1)
  }

  @Test("it does not come while its moment is far, or once there is none")
  func never() async throws {
    #expect(try await calls([10, 60_000], within: 100) == 0)
    #expect(try await calls([10, nil], within: 100) == 0)
  }
}
