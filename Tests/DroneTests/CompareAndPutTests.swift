import Cluster
import Testing

@testable import Drone

@Suite("Compare-and-put") struct CompareAndPutTests {
  private func matched(_ isSo: Bool) -> DataCore.Completion.Answer { .done(.compared(matched: isSo)) }
  private func value(_ text: String) -> Answer { .value([UInt8](text.utf8)) }

  @Test("a value is put only in place of the one that is expected, or of none")
  func matches() {
    var loop = TestLoop()
    let cases: [(expected: String?, value: String, matches: Bool)] = [
      ("1", "2", false), (nil, "1", true), (nil, "2", false), ("", "2", false), ("1", "", true),
      (nil, "3", false), ("", "3", true),
    ]
    for (index, one) in cases.enumerated() {
      #expect(loop.compareAndPut("a", one.expected, one.value, write: UInt64(index + 1)) == nil)
      #expect(loop.commit().completions == [loop.compared(loop.lastNumber, matched: one.matches)])
    }
    #expect(loop.get("a") == value("3"))
  }

  @Test("what is compared is what the writes under way will have left")
  func pending() {
    var loop = TestLoop()
    #expect(loop.put("a", "1", write: 1) == nil)
    #expect(loop.compareAndPut("a", "1", "2", write: 2) == nil)
    #expect(loop.compareAndPut("a", "1", "3", write: 3) == nil)
    #expect(loop.delete("a", write: 4) == nil)
    #expect(loop.compareAndPut("a", "2", "4", write: 5) == nil)
    #expect(loop.compareAndPut("a", nil, "5", write: 6) == nil)
    let outcomes = loop.commit().completions.map(\.answer)
    #expect(
      outcomes == [
        .done(existed: false), matched(true), matched(false), .done(existed: true), matched(false),
        matched(true),
      ])
    #expect(loop.get("a") == value("5"))
  }

  @Test("a mismatch is not told before the write that caused it is secured")
  func mismatchWaits() {
    var loop = TestLoop()
    #expect(loop.put("a", "1", write: 1) == nil)
    #expect(loop.compareAndPut("a", nil, "2", write: 2) == nil)
    #expect(loop.get("a") == .notFound)
    #expect(loop.commit().completions.map(\.answer) == [.done(existed: false), matched(false)])
  }

  @Test("a mismatch that is under way leaves everything as it was, for reads and for the writes behind it")
  func mismatchHidesNothing() {
    var loop = TestLoop()
    #expect(loop.put("a", "1", write: 1) == nil)
    loop.commit()
    #expect(loop.compareAndPut("a", "0", "9", write: 2) == nil)
    #expect(loop.get("a") == value("1"))
    #expect(loop.compareAndPut("a", "1", "2", write: 3) == nil)
    #expect(loop.compareAndPut("b", "0", "9", write: 4) == nil)
    #expect(loop.get("b") == .notFound)
    #expect(loop.put("b", "1", write: 5) == nil)
    let outcomes = loop.commit().completions.map(\.answer)
    #expect(outcomes == [matched(false), matched(true), matched(false), .done(existed: false)])
    #expect(loop.get("a") == value("2") && loop.get("b") == value("1"))
  }

  @Test("the first attempt that arrives after its retry found another value is not executed either")
  func lateFirstAttempt() {
    var loop = TestLoop()
    _ = loop.put("a", "1", write: 1)
    _ = loop.compareAndPut("a", nil, "2", write: 2, retry: true)
    _ = loop.delete("a", write: 3)
    loop.commit()
    #expect(loop.compareAndPut("a", nil, "2", write: 2) == .done(.compared(matched: false)))
    #expect(loop.get("a") == .notFound)
    #expect(loop.compareAndPut("a", nil, "2", write: 4) == nil)
    loop.commit()
    #expect(loop.compareAndPut("a", nil, "2", write: 4, retry: true) == .done(.compared(matched: true)))
  }

  @Test("a store of before there were kinds of outcomes says yes or no, which is told as a comparison")
  func oldOutcome() {
    var loop = TestLoop()
    let kept = [true, false, nil].enumerated().map { index, existed in
      WriteOutcome(
        client: TestLoop.client, write: UInt64(index + 1), sequence: UInt64(index + 1),
        outcome: .written(existed: existed))
    }
    loop.load(1..<2, Names.token(1, 1), sequence: 3, past: PastWrites(outcomes: kept))
    loop.core.serve(Names.set(1..<2), until: loop.now + 2000)
    for (write, matched) in [(1, true), (2, false), (3, false)] as [(UInt64, Bool)] {
      #expect(
        loop.compareAndPut("a", nil, "2", 1, write: write, retry: true) == .done(.compared(matched: matched)))
      #expect(loop.put("a", "2", 1, write: write, retry: true) == .done(kept[Int(write) - 1].outcome))
    }
  }
}
