import Audit
import Logging
import Synchronization
import Testing

@testable import Node

@Suite("The bound of what is logged")
struct LogLimiterTests {
  /// A clock that only the test moves, and what is to be done later.
  private final class Bench: Sendable {
    let catcher = LogCatcher()
    let time = Mutex<Int64>(0)
    let later = Mutex<[@Sendable () -> Void]>([])

    var logger: Logger {
      let limiter = LogLimiter(
        now: { self.time.withLock { $0 } }, later: { body in self.later.withLock { $0.append(body) } })
      var logger = Logger(label: "test") { [catcher] _ in
        LimitedLogHandler(CatchingLogHandler(catcher), limiter: limiter)
      }
      logger.logLevel = .trace
      return logger
    }

    func pass(_ milliseconds: Int64) {
      time.withLock { $0 += milliseconds }
      let due = later.withLock { later in
        defer { later = [] }
        return later
      }
      for body in due { body() }
    }

    func count(_ text: String) -> Int { catcher.all.count { $0.contains(" \(text) ") } }
  }

  @Test("one source, from ever other ports, has a hundred lines at once and one a second; the count is told")
  func flood() {
    let bench = Bench()
    let logger = bench.logger
    func fail() {
      for port in 1...1_000 {
        logger.info("failed", metadata: ["remote": "[IPv4]192.0.2.7:\(port)", "reason": "no"])
      }
    }
    fail()
    #expect(bench.count("failed") == 100)
    bench.time.withLock { $0 += 1_000 }
    fail()
    #expect(bench.count("failed") == 101)
    let told = bench.catcher.all.filter { $0.contains("more like this were left out") }
    #expect(
      told.count == 1 && told[0].contains(" 900 more like this were left out event=failed of=192.0.2.7"))
  }

  @Test("what was left out is told also when nothing more comes")
  func quiet() {
    let bench = Bench()
    let logger = bench.logger
    for _ in 0..<150 { logger.info("failed", metadata: ["principal": "mallory@R"]) }
    for _ in 0..<3 { bench.pass(RateLimiter.period) }
    #expect(
      bench.catcher.all.last?.contains("50 more like this were left out event=failed of=mallory@R") == true)
    // Nobody looks again when there is nothing to tell.
    #expect(bench.later.withLock { $0.isEmpty })
  }

  @Test("a flood of one takes no line of another principal, nor one of another text")
  func others() {
    let bench = Bench()
    let logger = bench.logger
    for _ in 0..<5_000 { logger.info("failed", metadata: ["principal": "mallory@R"]) }
    logger.info("failed", metadata: ["principal": "alice@R"])
    logger.info("other", metadata: ["principal": "mallory@R"])
    #expect(bench.count("failed") == 101 && bench.count("other") == 1)
  }

  @Test("all addresses together have ten times as much as one")
  func addresses() {
    let bench = Bench()
    let logger = bench.logger
    for number in 0..<50_000 {
      logger.info(
        "failed", metadata: ["remote": "[IPv4]10.\(number >> 16).\(number >> 8 & 255).\(number & 255):1"])
    }
    #expect(bench.count("failed") == 1_000)
    #expect(bench.catcher.all.count < 1_300)
  }

  @Test("warnings and errors are bounded too, with more room")
  func errors() {
    let bench = Bench()
    let logger = bench.logger
    for _ in 0..<5_000 { logger.error("broken", metadata: ["principal": "mallory@R"]) }
    #expect(bench.count("broken") == 200)
  }

  @Test("a handler's own metadata says whom a line is about, too")
  func ownMetadata() {
    let bench = Bench()
    var logger = bench.logger
    logger[metadataKey: "principal"] = "mallory@R"
    for _ in 0..<200 { logger.info("failed") }
    logger[metadataKey: "principal"] = "alice@R"
    logger.info("failed")
    #expect(bench.count("failed") == 101)
  }

  @Test("a value that a peer made long is cut")
  func long() {
    let bench = Bench()
    bench.logger.info("failed", metadata: ["reason": "\(String(repeating: "ü", count: 100_000))"])
    #expect(bench.catcher.all.count == 1 && bench.catcher.all[0].utf8.count < LogLine.valueLimit + 100)
    #expect(bench.catcher.all[0].hasSuffix("..."))
  }

  @Test("an IPv6 host is known by its network, whatever address of it it takes")
  func sources() {
    #expect(RemoteAddress.source(of: "[IPv4]127.0.0.1:5000") == "127.0.0.1")
    #expect(
      RemoteAddress.source(of: "[IPv6]2001:db8::1:2:5000")
        == RemoteAddress.source(of: "[IPv6]2001:db8::ffff:5001"))
    #expect(
      RemoteAddress.source(of: "[IPv6]2001:db8:0:1::1:5000")
        != RemoteAddress.source(of: "[IPv6]2001:db8::1:5000"))
    #expect(RemoteAddress.plain("[IPv4]127.0.0.1:5000") == "127.0.0.1:5000")
    #expect(RemoteAddress.plain("[IPv4]127.0.0.1/127.0.0.1:5000") == "127.0.0.1:5000")
    #expect(
      RemoteAddress.plain("[IPv6]::1/::1:5000") == "[::1]:5000"
        && RemoteAddress.plain("[::1]:5000") == "[::1]:5000")
    #expect(
      RemoteAddress.source(of: "[IPv6]2001:db8::1/2001:db8::1:5000")
        == RemoteAddress.source(of: "[2001:db8::2]:7"))
    #expect(RemoteAddress.plain("?") == "?")
    #expect(RemoteAddress.source(of: "[IPv6]::ffff:192.0.2.7:5000") == "192.0.2.7")
    #expect(RemoteAddress.source(of: "?") == "?")
  }
}
