import Audit
import Testing

@Suite("How many lines strangers can cause")
struct RateLimiterTests {
  private let budget = RateLimiter.Budget(burst: 3, perMinute: 60)

  @Test("a source has its burst, then its rate, and the next line says how many were left out")
  func oneSource() {
    var limiter = RateLimiter()
    func admit(_ now: Int64) -> RateLimiter.Verdict {
      limiter.admit(kind: "k", source: "s", budget: budget, now: now)
    }
    #expect((0..<3).map { _ in admit(0) } == Array(repeating: .passes(leftOut: 0), count: 3))
    for _ in 0..<500 { #expect(admit(999) == .isLeftOut) }
    #expect(limiter.untold == 500)
    #expect(admit(1_000) == .passes(leftOut: 500) && limiter.untold == 0)
    #expect(admit(1_001) == .isLeftOut)
  }

  @Test("one source's flood takes nothing from another, nor from another kind")
  func apart() {
    var limiter = RateLimiter()
    for _ in 0..<20 { _ = limiter.admit(kind: "k", source: "s", budget: budget, now: 0) }
    #expect(limiter.admit(kind: "k", source: "t", budget: budget, now: 0) == .passes(leftOut: 0))
    #expect(limiter.admit(kind: "l", source: "s", budget: budget, now: 0) == .passes(leftOut: 0))
  }

  @Test("whoever comes from ever new sources has ten times the budget of one, and every line is counted")
  func manySources() {
    var limiter = RateLimiter()
    var (passed, told): (UInt64, UInt64) = (0, 0)
    for number in 0..<100_000 {
      if case .passes(let leftOut) = limiter.admit(kind: "k", source: "\(number)", budget: budget, now: 0) {
        passed += 1
        told += leftOut
      }
    }
    #expect(passed == 30)
    let gone = limiter.takeOmissions(now: 0)
    #expect(gone.count == 1 && gone[0].sources > 90_000)
    told += gone.reduce(0) { $0 + $1.count }
    #expect(passed + told + limiter.untold == 100_000)
    #expect(limiter.takeOmissions(now: 1) == [], "not twice in a period")
    for now in [RateLimiter.period, 2 * RateLimiter.period] {
      told += limiter.takeOmissions(now: now).reduce(0) { $0 + $1.count }
    }
    #expect(passed + told == 100_000 && limiter.untold == 0)
  }

  @Test("what was left out of a source that is quiet since is told, with that source")
  func quiet() {
    var limiter = RateLimiter()
    for _ in 0..<10 { _ = limiter.admit(kind: "k", source: "s", budget: budget, now: 0) }
    #expect(limiter.takeOmissions(now: 1) == [])
    #expect(limiter.takeOmissions(now: RateLimiter.period) == [])
    let omissions = limiter.takeOmissions(now: 2 * RateLimiter.period)
    #expect(omissions == [.init(kind: "k", count: 7, sources: 1, source: "s")])
    #expect(limiter.takeOmissions(now: 9 * RateLimiter.period) == [] && limiter.untold == 0)
  }

  @Test("a pause does not give a source more than its rate")
  func pause() {
    var limiter = RateLimiter()
    let slow = RateLimiter.Budget(burst: 60, perMinute: 6)
    var passed = 0
    for now in stride(from: Int64(0), to: 600_000, by: 25_000) {
      for _ in 0..<100 {
        if case .passes = limiter.admit(kind: "k", source: "s", budget: slow, now: now) { passed += 1 }
      }
    }
    #expect(passed <= 60 + 60)
  }
}
