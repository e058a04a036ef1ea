import Audit
import Testing

@Suite("The chain of an audit log")
struct AuditVerifierTests {
  @Test(
    "a log is unbroken over its files, in pieces of any length, and its head is told",
    arguments: [1, 7, 100_000])
  func whole(pieces: Int) throws {
    let log = TestLog()
    let verdict = log.verdict(pieces: pieces)
    #expect(verdict.findings == [])
    #expect(verdict.summary.files == 3 && verdict.summary.lines == 13)
    #expect(verdict.summary.first == 1 && verdict.summary.head == log.chain.head)
    #expect(log.chain.head.sequence == 13)
    #expect(AuditHead(log.chain.head.description) == log.chain.head)
  }

  @Test("a line that was removed is missed where the next one stands")
  func removed() {
    var log = TestLog()
    log.files[0].remove(at: 2)
    let verdict = log.verdict()
    #expect(verdict.kinds == [.missing(first: 3, last: 3)])
    #expect(verdict.places == ["f0:3"])
  }

  @Test("the first line of the first file, and that of a later one, are missed")
  func removedFirst() {
    var log = TestLog()
    log.files[0].removeFirst()
    #expect(log.verdict().kinds == [.beginsWithin(sequence: 2), .beginsLater(sequence: 2)])
    #expect(!log.verdict().summary.isUntouched)
    log = TestLog()
    log.files[1].removeFirst()
    #expect(log.verdict().kinds == [.beginsWithin(sequence: 7), .missing(first: 6, last: 6)])
  }

  @Test("the last lines of a file before the last are missed in the next")
  func removedLast() {
    var log = TestLog()
    log.files[0].removeLast(2)
    let verdict = log.verdict()
    #expect(verdict.kinds == [.missing(first: 4, last: 5)])
    #expect(verdict.places == ["f1:1"])
  }

  @Test("a line that was altered by one letter is found at the next, also over the end of a file")
  func altered() throws {
    for (file, line, place) in [(0, 2, "f0:4"), (0, 4, "f1:1"), (1, 0, "f1:2")] {
      var log = TestLog()
      let position = try #require(log.files[file][line].firstIndex(of: UInt8(ascii: "R")))
      log.files[file][line][position] = UInt8(ascii: "S")
      let verdict = log.verdict()
      #expect(verdict.places == [place])
      guard case .unchained? = verdict.kinds.first else {
        Issue.record("\(verdict.kinds)")
        continue
      }
    }
  }

  @Test("an alteration that makes a line unreadable is found at that line")
  func unreadable() {
    var log = TestLog()
    log.files[0][2] = Array("nothing to see here".utf8)
    let verdict = log.verdict()
    #expect(verdict.kinds == [.unreadable(lines: 1), .missing(first: 3, last: 3)])
    #expect(verdict.places == ["f0:3", "f0:4"])
  }

  @Test("lines that changed places are found")
  func reordered() {
    var log = TestLog()
    log.files[0].swapAt(2, 3)
    let verdict = log.verdict()
    #expect(verdict.kinds == [.missing(first: 3, last: 3), .outOfOrder(sequence: 3, after: 4)])
  }

  @Test("a line that stands there twice is found")
  func repeated() {
    var log = TestLog()
    log.files[1].insert(log.files[1][2], at: 3)
    let verdict = log.verdict()
    #expect(verdict.kinds == [.outOfOrder(sequence: 8, after: 8)])
    #expect(verdict.places == ["f1:4"])
  }

  @Test("a line, or a file, of another node's log is found")
  func spliced() {
    let other = TestLog(of: "keyval-drone/d2@R")
    var log = TestLog()
    log.files[0][2] = other.files[0][2]
    #expect(log.verdict().kinds == [.unchained(sequence: 3), .unchained(sequence: 4)])
    log = TestLog()
    log.files[1] = other.files[1]
    let verdict = log.verdict()
    #expect(verdict.kinds == [.unchained(sequence: 6), .unchained(sequence: 10)])
    #expect(verdict.places == ["f1:1", "f2:1"])
  }

  @Test("a file in the middle that is gone is missed; the oldest, which rotation takes, is told of only")
  func missingFiles() {
    var log = TestLog()
    log.files.remove(at: 1)
    #expect(log.verdict().kinds == [.missing(first: 6, last: 9)])
    log = TestLog()
    log.files.removeFirst()
    #expect(log.verdict().kinds == [.beginsLater(sequence: 6)])
    #expect(log.verdict().summary.isUntouched)
    log.files[0] = []
    #expect(log.verdict().kinds.first == .empty && !log.verdict().summary.isUntouched)
  }

  @Test("what a crash tore is told of as such, and the chain goes on around it")
  func torn() throws {
    for bytes in ["{\"sequence\":14,\"ti", "{\"sequence\":14\0\0\0\n", "\0\0\n\0{", "\n"] {
      var log = TestLog()
      try log.tear(Array(bytes.utf8))
      log.add(AuditEvent(.log, "opened", outcome: "started"))
      let verdict = log.verdict(pieces: 11)
      let count = UInt64(bytes.utf8.count - (bytes.hasSuffix("\n") ? 1 : 0))
      #expect(verdict.kinds == [.torn(bytes: count)], "\(bytes)")
      #expect(verdict.summary.isUntouched && verdict.summary.head == log.chain.head)
    }
  }

  @Test("torn bytes that were altered, taken away, or never told of are tampering")
  func tornAltered() throws {
    let bytes = Array("{\"sequence\":14,\"ti".utf8)
    var log = TestLog()
    try log.tear(bytes)
    let whole = log
    log.files[2][4][3] = UInt8(ascii: "x")
    #expect(log.verdict().kinds == [.tornBytesAltered])
    log = whole
    log.files[2].remove(at: 4)
    #expect(log.verdict().kinds == [.tornBytesAltered])
    log = TestLog()
    log.files[1].insert(bytes, at: 2)
    #expect(log.verdict().kinds == [.unreadable(lines: 1)])
  }

  @Test("a last line without its end is told of, and is no tampering; in an older file it is")
  func unfinished() {
    let log = TestLog()
    var bytes = log.bytes
    bytes[2] += Array("{\"sequence\":14".utf8)
    #expect(TestLog.verdict(bytes).kinds == [.unfinished])
    #expect(TestLog.verdict(bytes).summary.isUntouched)
    bytes = log.bytes
    bytes[0] += Array("{\"sequence\":14".utf8)
    #expect(TestLog.verdict(bytes).kinds == [.unreadable(lines: 1)])
  }

  @Test("lines that were cut off the end are found only by whoever kept a head")
  func cut() {
    var log = TestLog()
    let head = log.chain.head
    log.files[2].removeLast()
    #expect(log.verdict().summary.isUntouched)
    let verdict = log.verdict(expecting: [head])
    #expect(verdict.kinds == [.expectedMissing(head)] && !verdict.summary.isUntouched)
  }

  @Test("a log that was written anew is found by a head that was kept, of any of its lines")
  func anew() throws {
    let log = TestLog()
    let forged = TestLog(of: "keyval-drone/dX@R")
    #expect(forged.verdict().summary.isUntouched)
    let kept = try #require(TestLog(files: [5]).verdict().summary.head)
    #expect(log.verdict(expecting: [.none, kept, log.chain.head]).summary.isUntouched)
    #expect(forged.verdict(expecting: [kept]).kinds == [.notAsExpected(kept)])
    // The line before the first that is there is named by that one.
    var later = log
    later.files.removeFirst()
    #expect(later.verdict(expecting: [kept]).summary.isUntouched)
    later = forged
    later.files.removeFirst()
    #expect(later.verdict(expecting: [kept]).kinds.contains(.notAsExpected(kept)))
  }

  @Test("a new chain behind another is found, and followed from there")
  func beganAnew() {
    var log = TestLog()
    log.files += TestLog(files: [3]).files
    #expect(log.verdict().kinds == [.beganAnew])
  }

  @Test(
    "a process that began without the one before having ended is told of: lines may have been cut off there")
  func notEnded() {
    var log = TestLog()
    log.add(.started(of: "keyval-drone/d1@R", at: "h:1", file: "f", version: "1"))
    #expect(log.verdict().kinds == [.notEnded] && log.verdict().summary.isUntouched)
    log = TestLog()
    log.add(.closed)
    log.add(.started(of: "keyval-drone/d1@R", at: "h:1", file: "f", version: "1"))
    #expect(log.verdict().kinds == [])
    log.files[2].remove(at: log.files[2].count - 2)
    #expect(!log.verdict().summary.isUntouched)
  }

  @Test("where the node itself found that its file was cut, written to or taken away, that is found")
  func otherHands() {
    var log = TestLog()
    log.add(.altered(expected: 1_000, found: 10))
    #expect(log.verdict().kinds == [.alteredMeanwhile] && !log.verdict().summary.isUntouched)
    log = TestLog(files: [5])
    log.files.append([])
    log.add(.opened(file: "f", insteadOfAnother: true))
    #expect(log.verdict().kinds == [], "the file was moved, and is here")
    log.files.removeFirst()
    #expect(log.verdict().kinds == [.beganInstead(sequence: 6)] && !log.verdict().summary.isUntouched)
  }

  @Test("of lines that are expected those older than the files are told of, but one of them must be there")
  func expectedOlder() throws {
    let old = try #require(TestLog(files: [3]).verdict().summary.head)
    let kept = try #require(TestLog(files: [5, 4]).verdict().summary.head)
    var log = TestLog()
    log.files.removeFirst()
    let verdict = log.verdict(expecting: [old, kept])
    #expect(verdict.kinds == [.beginsLater(sequence: 6), .expectedOlder(old)] && verdict.summary.isUntouched)
    #expect(!log.verdict(expecting: [old]).summary.isUntouched)
  }

  @Test("events that were lost are told of")
  func lost() {
    var log = TestLog()
    log.add(.lost(17))
    #expect(log.verdict().kinds == [.lost(17)] && log.verdict().summary.isUntouched)
  }

  @Test("a line that never ends is not kept in memory, and is no crash's")
  func endless() {
    var bytes = TestLog().bytes
    bytes[0] = [UInt8](repeating: 0x41, count: 1 << 20) + [10] + bytes[0]
    #expect(TestLog.verdict(bytes, pieces: 65_536).kinds == [.unreadable(lines: 1)])
    bytes = TestLog().bytes
    bytes[2] += [UInt8](repeating: 0x41, count: 1 << 20)
    #expect(TestLog.verdict(bytes, pieces: 65_536).kinds == [.unreadable(lines: 1)])
  }
}
