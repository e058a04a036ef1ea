import Cluster
import Testing

@testable import keyval

@Suite("What is told of stores") struct StoresReportTests {
  private func standing(_ held: StoreMark?) throws -> DatabaseStanding {
    DatabaseStanding(
      database: try Principal("keyval-database/db1@KEYVAL.TEST"),
      known: KnownStore(
        mark: StoreMark(identity: StoreIdentity(high: 1, low: 2), commit: 40), seenAt: 1_800_000_000),
      held: held)
  }

  @Test("a store that is known needs nothing")
  func known() throws {
    #expect(
      StoresReport.text(StoresAnswer(number: 1, stores: [try standing(nil)])) == """
        DATABASE  STORE                             COMMIT  SEEN                  STATE
        db1       00000000000000010000000000000002  40      2027-01-15T08:00:00Z  known

        """)
    #expect(StoresReport.text(StoresAnswer(number: 1, stores: [])) == "no database has shown a store yet\n")
  }

  @Test("what is held is told with what would be lost, and how it is accepted")
  func held() throws {
    let older = StoresReport.loss(
      try standing(StoreMark(identity: StoreIdentity(high: 1, low: 2), commit: 30)))
    #expect(older.contains("an older state of its store, at transaction 30"))
    #expect(older.contains("lose the 10 transactions since"))
    #expect(
      older.hasSuffix("keyval database accept db1 --store 00000000000000010000000000000002/30"))
    let empty = StoresReport.loss(
      try standing(StoreMark(identity: StoreIdentity(high: 7, low: 2), commit: 0)))
    #expect(empty.contains("a new and empty store") && empty.contains("40 transactions"))
    let other = StoresReport.loss(
      try standing(StoreMark(identity: StoreIdentity(high: 7, low: 2), commit: 3)))
    #expect(other.contains("another store"))
  }

  @Test("a store is named by its identity and its number, and by nothing else")
  func marks() {
    let mark = StoreMark(identity: StoreIdentity(high: .max, low: 2), commit: 30)
    #expect(StoresReport.mark("\(mark.identity)/30") == mark)
    for wrong in [
      "", "/", "30", "ff/30", "\(mark.identity)", "\(mark.identity)/", "\(mark.identity)/-1",
      "g\(mark.identity.description.dropFirst())/1",
    ] {
      #expect(StoresReport.mark(wrong) == nil, "\(wrong)")
    }
  }
}
