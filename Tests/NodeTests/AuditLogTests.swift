import Audit
import Foundation
import Logging
import Synchronization
import Testing

@testable import Node

@Suite("The audit log of a node")
struct AuditLogTests {
  private func order(_ number: Int, by principal: String = "alice@R") -> AuditEvent {
    AuditEvent(.order, "drain", outcome: "accepted", principal: principal, subject: "d\(number)")
  }

  private final class Flag: Sendable {
    private let state = Mutex(false)
    var isRaised: Bool { state.withLock { $0 } }
    func raise() { state.withLock { $0 = true } }
  }

  @Test("is written for its owner alone, goes on after a restart, and its head is in the ordinary log")
  func goesOn() async throws {
    let place = try AuditPlace()
    for life in 0..<3 {
      let log = try place.open()
      log.record(order(life))
      await log.close()
    }
    let (findings, summary) = try place.verify()
    #expect(findings == [] && summary.lines == 9)
    let mode = try FileManager.default.attributesOfItem(atPath: place.path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let text = try place.text()
    #expect(text.contains("\"subject\":\"d2\"") && text.contains("\"action\":\"closed\""))
    let head = try #require(summary.head)
    #expect(place.lines.all.contains { $0.contains("audit log ended") && $0.contains("\(head)") })
    #expect(
      place.lines.all.contains { $0.contains("audit log begun") && $0.contains("head=\(AuditHead.none)") })
  }

  @Test("a task that was cancelled waits, like any other, until all is written and the file let go of")
  func cancelled() async throws {
    let place = try AuditPlace()
    let log = try place.open()
    // Whatever is written waits for this.
    log.queue.suspend()
    log.record(order(1))
    let closed = Flag()
    let closing = Task {
      // Longer than this may take on a machine that has much else to do.
      await log.close(within: .seconds(600))
      closed.raise()
    }
    closing.cancel()
    // A task that does not wait ends meanwhile.
    for _ in 0..<1_000 where !closed.isRaised { try await Task.sleep(for: .microseconds(100)) }
    #expect(!closed.isRaised)
    log.queue.resume()
    await closing.value
    #expect(try place.text().contains("\"action\":\"closed\""))
  }

  @Test("begins a new file when one is full, keeps so many, and the chain goes through them")
  func rotation() async throws {
    let place = try AuditPlace()
    var settings = AuditSettings()
    (settings.bytes, settings.files) = (2_000, 4)
    let log = try place.open(settings)
    for number in 0..<200 { log.record(order(number)) }
    await log.close()
    let names = try FileManager.default.contentsOfDirectory(atPath: place.directory).sorted()
    #expect(
      names == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2", "audit.jsonl.3", "audit.jsonl.lock"])
    let (findings, summary) = try place.verify()
    #expect(summary.isUntouched && summary.files == 4 && (summary.first ?? 0) > 1)
    #expect(findings == [.beginsLater(sequence: summary.first ?? 0)])
    for name in names.dropLast() {
      let text = try place.text("\(place.directory)/\(name)")
      #expect(text.utf8.count < 2_500 && text.hasSuffix("\n"))
      #expect(text.split(separator: "\n").first?.contains("\"event\":\"log\",\"action\":\"opened\"") == true)
    }
    #expect(place.lines.all.contains { $0.contains("audit log rotated") })
    try FileManager.default.removeItem(atPath: "\(place.path).2")
    #expect(try !place.verify().1.isUntouched)
  }

  @Test("goes on behind what a crash has torn, says so, and the verifier tells it from tampering")
  func torn() async throws {
    let place = try AuditPlace()
    var log = try place.open()
    log.record(order(1))
    await log.close()
    try place.append("{\"sequence\":4,\"time\":\"2026")
    log = try place.open()
    log.record(order(2))
    await log.close()
    #expect(place.lines.all.contains { $0.contains("last line is torn") })
    let (findings, summary) = try place.verify()
    #expect(findings == [.torn(bytes: 26)] && summary.isUntouched && summary.lines == 7)
  }

  @Test("goes on with the chain of the file before when a crash left the newest empty")
  func emptyFile() async throws {
    let place = try AuditPlace()
    var log = try place.open()
    await log.close()
    try FileManager.default.moveItem(atPath: place.path, toPath: "\(place.path).1")
    try place.makeEmptyFile(mode: 0o600)
    log = try place.open()
    await log.close()
    let (findings, summary) = try place.verify()
    #expect(findings == [] && summary.files == 2 && summary.lines == 4)
  }

  @Test("begins a new chain behind an end that no crash leaves, and that is found")
  func damaged() async throws {
    let place = try AuditPlace()
    var log = try place.open()
    await log.close()
    try place.append(String(repeating: "x", count: 100_000))
    log = try place.open()
    await log.close()
    #expect(place.lines.all.contains { $0.contains("damaged beyond what a crash leaves") })
    let (findings, _) = try place.verify()
    #expect(findings.contains(.beganAnew) && findings.contains(.unreadable(lines: 1)))
  }

  @Test("has one writer; a second authority in the same directory has another file")
  func oneWriter() async throws {
    let place = try AuditPlace()
    let first = try place.open()
    let error = #expect(throws: NodeError.self) { try place.open() }
    #expect(error?.description.contains("written by another process") == true)
    let second = try place.open(others: ["\(place.directory)/audit-2.jsonl"])
    #expect(second.path.hasSuffix("audit-2.jsonl"))
    await second.close()
    await first.close()
    #expect(try AuditFiles.logs(in: place.directory).count == 2)
  }

  @Test("a file that others can read, or that is a link, is refused with what to type")
  func refused() throws {
    let place = try AuditPlace()
    try place.makeEmptyFile(mode: 0o640)
    var error = #expect(throws: NodeError.self) { try place.open() }
    #expect(error?.description.contains("chmod 600 \(place.path)") == true)
    try FileManager.default.removeItem(atPath: place.path)
    try FileManager.default.createSymbolicLink(atPath: place.path, withDestinationPath: "/dev/null")
    error = #expect(throws: NodeError.self) { try place.open() }
    #expect(error?.description.contains("audit.path") == true)
  }

  @Test("takes only so many events while the disk hangs, without waiting, and says how many were lost")
  func overflow() async throws {
    let place = try AuditPlace()
    let log = try place.open()
    log.queue.suspend()
    // Of these none is left out.
    for _ in 0..<(AuditLog.capacity + 500) { log.record(AuditEvent(.log, "test", outcome: "done")) }
    log.queue.resume()
    await log.close()
    let (findings, summary) = try place.verify()
    guard case .lost(let count)? = findings.first else {
      Issue.record("\(findings)")
      return
    }
    // The opening, and the close once there is room again, are events too.
    #expect(findings.count == 1 && (500...502).contains(count))
    #expect(summary.lines + count == UInt64(AuditLog.capacity + 500 + 3) && summary.isUntouched)
  }

  @Test("a full disk costs the events of that time, says how many, and leaves a chain that can be verified")
  func fullDisk() async throws {
    let place = try AuditPlace()
    let room = Mutex(Int.max)
    let file = try #require(
      try AuditFile(path: place.path, settings: AuditSettings()) { descriptor, bytes in
        let count = room.withLock { room in
          defer { room = max(0, room - bytes.count) }
          return min(room, bytes.count)
        }
        guard count > 0 else {
          errno = ENOSPC
          return -1
        }
        return write(descriptor, bytes.baseAddress, count)
      })
    let log = AuditLog(file, AuditSettings(), place.lines.logger)
    log.record(AuditEvent(.log, "opened", outcome: "started"))
    log.queue.sync {}
    for length in [300, 0, 17, 0] {
      room.withLock { $0 = length }
      for number in 0..<10 { log.record(order(number)) }
      log.queue.sync {}
    }
    room.withLock { $0 = .max }
    log.record(order(99))
    await log.close()
    let (findings, summary) = try place.verify()
    #expect(summary.isUntouched, "\(findings)")
    let lost = findings.reduce(UInt64(0)) { sum, kind in
      if case .lost(let count) = kind { sum + count } else { sum }
    }
    #expect(findings.contains { if case .torn = $0 { true } else { false } })
    // Opened, 40 orders, one more, closed, and the lines of what was torn and lost.
    let told = UInt64(findings.count)
    #expect(lost >= 38 && summary.lines - told + lost == 43, "\(findings) \(summary)")
    #expect(place.lines.all.contains { $0.contains("audit events are lost") && $0.contains("No space left") })
  }

  @Test("damage that is found again and again is written a few times, and each place for itself")
  func damage() async throws {
    let place = try AuditPlace()
    let log = try place.open()
    for number in 0..<600 {
      log.record(
        AuditEvent(.damage, "read", outcome: "found", subject: "f", reason: "partition \(number % 2)"))
    }
    await log.close()
    let lines = try place.text().split(separator: "\n")
    for partition in 0..<2 {
      #expect(lines.count { $0.contains("\"reason\":\"partition \(partition)\"") } == 5)
    }
    let told = lines.filter { $0.contains("\"action\":\"left out\"") }
    #expect(told.count == 1 && told[0].contains("\"count\":590") && told[0].contains("2 sources"))
    #expect(told.first?.contains("\"subject\":\"partition 0\"") == true)
  }

  @Test("a flood of one stranger is cut to a few lines that say how many there were; orders of others stay")
  func flood() async throws {
    let place = try AuditPlace()
    let log = try place.open()
    for port in 0..<100_000 {
      log.record(
        AuditEvent(.session, "begin", outcome: "refused", address: "192.0.2.7:\(port % 60_000)", reason: "no")
      )
    }
    log.record(order(1))
    await log.close()
    let lines = try place.text().split(separator: "\n")
    #expect((20...100).contains(lines.count { $0.contains("\"refused\"") }), "\(lines.count)")
    #expect(lines.count { $0.contains("\"event\":\"order\"") } == 1)
    #expect(lines.contains { $0.contains("\"action\":\"left out\"") })
  }
}
