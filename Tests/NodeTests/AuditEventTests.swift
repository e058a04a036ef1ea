import Audit
import Authority
import Cluster
import Commander
import Storage
import Testing

@testable import Node

@Suite("What nodes record")
struct AuditEventTests {
  @Test("a drone whose report is not so, and one that refuses its commander, are named with the term")
  func contradicted() throws {
    let drone = try Principal("keyval-drone/d2@R")
    let partition = try #require(Partition(7))
    let report = try #require(AuditEvent(CommanderNote.contradicted(drone, [partition]), Term(3)))
    #expect(report.kind == .denial && report.principal == drone.text && report.term == 3)
    #expect(report.action == "report" && report.outcome == "not believed" && report.subject == "7")
    let refusal = try #require(AuditEvent(CommanderNote.refusedBy(drone, Term(9)), Term(3)))
    #expect(
      refusal.principal == drone.text && refusal.term == 3 && refusal.reason?.contains("term 9") == true)
    #expect(AuditEvent(CommanderNote.droneJoined(drone), Term(3)) == nil)
  }

  @Test("a row that is not as it was written is recorded with file, table and partition; no other trouble is")
  func damage() throws {
    let error = StoreError.rowDamaged(path: "/data/keyval.sqlite", table: "entries", partition: 12)
    let event = try #require(AuditEvent(error, foundBy: "scrub"))
    #expect(event.kind == .damage && event.action == "scrub" && event.subject == "/data/keyval.sqlite")
    #expect(event.reason?.contains("‘entries’") == true && event.reason?.contains("partition 12") == true)
    #expect(AuditEvent(StoreError.full(path: "/data/keyval.sqlite"), foundBy: "read") == nil)
  }

  @Test("a change of the administrators is recorded with their names, and a hash of all of them")
  func administrators() throws {
    let people = try ["bob@R", "alice@R"].map { try Principal($0) }
    let event = AuditEvent(AuthorityNote.administratorsChanged(people), callers: [:])
    #expect(event.kind == .rights && event.action == "administrators" && event.reason == "alice@R, bob@R")
    #expect(event.digest?.count == 32)
    let fewer = AuditEvent(AuthorityNote.administratorsChanged([people[0]]), callers: [:])
    #expect(event.digest != fewer.digest)
  }

  @Test("a request is recorded if the operator wants it, with its slot, and with its key if he wants that")
  func requests() {
    let caller = Caller(principal: "bob@R", address: "127.0.0.1:5", encryptionType: 20)
    Array("k".utf8).withUnsafeBytes { key in
      let get = DataRequest.get(number: 1, key: key)
      let put = DataRequest.put(number: 1, write: 1, retry: false, key: key, value: key)
      #expect(AuditSettings.Data.allCases.filter { get.isRecorded($0) } == [.all])
      #expect(AuditSettings.Data.allCases.filter { put.isRecorded($0) } == [.writes, .all])
      let hidden = AuditEvent(.data, put, outcome: "permitted", by: caller, namesKey: false)
      #expect(hidden.slot == UInt64(Slot(key: key).number) && hidden.key == nil && hidden.action == "put")
      let written = AuditEvent(.data, get, outcome: "permitted", by: caller, namesKey: true)
      #expect(written.key == Array("k".utf8) && written.principal == "bob@R")
    }
    let order = DataRequest.administer(number: 1, .drain, name: "d2")
    #expect(!order.isRecorded(.all))
    let denial = AuditEvent(.denial, order, outcome: "denied", by: caller, namesKey: true)
    #expect(denial.key == nil && denial.action == "drain" && denial.subject == "d2")
  }

  @Test("a drone that makes the authority elect anew is recorded")
  func promised() throws {
    let drone = try Principal("keyval-drone/d2@R")
    let event = AuditEvent(AuthorityNote.promised(drone, Term(9)), callers: [:])
    #expect(event.kind == .election && event.principal == drone.text && event.term == 9)
  }
}
