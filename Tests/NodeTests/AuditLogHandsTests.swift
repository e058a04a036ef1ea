import Audit
import Foundation
import Testing

@testable import Node

@Suite("The audit log of a node that another hand is at")
struct AuditLogHandsTests {
  private func order(_ number: Int) -> AuditEvent {
    AuditEvent(.order, "drain", outcome: "accepted", principal: "alice@R", subject: "d\(number)")
  }

  /// A log with three orders in it, and still open.
  private func begun(_ place: AuditPlace) throws -> AuditLog {
    let log = try place.open()
    for number in 0..<3 { log.record(order(number)) }
    log.queue.sync {}
    return log
  }

  @Test("lines that are cut off while the node runs are missed in the chain, and the ordinary log says so")
  func cut() async throws {
    let place = try AuditPlace()
    let log = try begun(place)
    let lines = try place.text().split(separator: "\n", omittingEmptySubsequences: false)
    let kept = lines.prefix(2).joined(separator: "\n").utf8.count + 1
    try #require(FileHandle(forWritingAtPath: place.path)).truncate(atOffset: UInt64(kept))
    log.record(order(9))
    await log.close()
    let (findings, summary) = try place.verify()
    #expect(findings == [.missing(first: 3, last: 4), .alteredMeanwhile] && !summary.isUntouched)
    #expect(place.lines.all.contains { $0.contains("somebody else wrote to the audit log, or cut it") })
    #expect(try place.text().contains("\"subject\":\"d9\""))
  }

  @Test("what another writes into the file is found, and costs none of the node's own lines")
  func written() async throws {
    for text in ["{\"sequence\":5,", "nothing\n"] {
      let place = try AuditPlace()
      let log = try begun(place)
      try place.append(text)
      log.record(order(9))
      await log.close()
      let (findings, summary) = try place.verify()
      #expect(findings == [.unreadable(lines: 1), .alteredMeanwhile], "\(text)")
      #expect(summary.lines == 7)
    }
  }

  @Test("a file that is taken away is followed by another, and the chain shows whether it is kept")
  func taken() async throws {
    let place = try AuditPlace()
    let log = try begun(place)
    try FileManager.default.moveItem(atPath: place.path, toPath: "\(place.path).7")
    log.record(order(9))
    await log.close()
    #expect(place.lines.all.contains { $0.contains("was taken away: another is begun") })
    #expect(try place.verify().findings == [])
    try FileManager.default.removeItem(atPath: "\(place.path).7")
    let (findings, summary) = try place.verify()
    #expect(findings == [.beganInstead(sequence: 5)] && !summary.isUntouched)
  }

  @Test("what another hand did is noticed also when nothing happens")
  func quiet() async throws {
    let place = try AuditPlace()
    let log = try begun(place)
    try FileManager.default.removeItem(atPath: place.path)
    for _ in 0..<2_000 where !FileManager.default.fileExists(atPath: place.path) {
      try await Task.sleep(for: .milliseconds(5))
    }
    await log.close()
    #expect(try place.verify().findings == [.beganInstead(sequence: 5)])
  }

  @Test("the ordinary log is told where a chain ends that has grown, every ten minutes")
  func heads() async throws {
    let place = try AuditPlace()
    let log = try begun(place)
    func told() -> Int { place.lines.all.count { $0.contains("audit log goes on") } }
    let now = NodeClock.now().milliseconds
    log.tellHeadIfDue(now + AuditLog.headPeriod - 60_000)
    #expect(told() == 0)
    log.tellHeadIfDue(now + AuditLog.headPeriod + 60_000)
    #expect(told() == 1)
    log.tellHeadIfDue(now + 3 * AuditLog.headPeriod)
    #expect(told() == 1, "it has not grown")
    let line = try #require(place.lines.all.last)
    let text = try #require(line.split(separator: "head=").last)
    let head = try #require(AuditHead(String(text.prefix { $0 != " " })))
    await log.close()
    #expect(try place.verify(expecting: [head]).summary.isUntouched)
    #expect(head.sequence == 4)
  }

  @Test("requests for keys, however many, leave an order its room while the disk hangs")
  func room() async throws {
    let place = try AuditPlace()
    let log = try place.open()
    log.queue.suspend()
    for _ in 0..<(AuditLog.capacity + 500) {
      log.record(AuditEvent(.data, "put", outcome: "permitted", principal: "bob@R"))
    }
    log.record(order(9))
    log.queue.resume()
    await log.close()
    #expect(try place.text().contains("\"subject\":\"d9\""))
    #expect(try place.verify().summary.isUntouched)
  }
}
