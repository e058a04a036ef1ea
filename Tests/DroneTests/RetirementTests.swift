import Cluster
import Testing

@testable import Drone

@Suite("A data loop whose process is about to end") struct RetirementTests {
  @Test("what is only in memory goes to the database at once, and until it is there the loop is not at rest")
  func handsOver() {
    var pair = ShadowPair.inSync()
    #expect(pair.put("a", "1") == nil)
    #expect(pair.talk().count == 1, "its shadow has it")
    #expect(!pair.ownerCore.isUrgent && pair.records.isEmpty)
    pair.ownerCore.retire()
    #expect(pair.ownerCore.isUrgent && !pair.ownerCore.isRetired)
    pair.store()
    #expect(pair.records.count == 1)
    #expect(pair.ownerCore.isRetired)
  }

  @Test("nobody stays on the list at the database, so that whoever opens the partition asks for no copy")
  func emptiesList() {
    var pair = ShadowPair.inSync()
    #expect(pair.isListed)
    pair.ownerCore.retire()
    #expect(!pair.ownerCore.isRetired)
    pair.store()
    #expect(pair.fence.inSync.holders == [])
    #expect(pair.ownerCore.isRetired)
    pair.talk()
    pair.store()
    #expect(pair.fence.inSync.holders == [], "nor does anybody come back to it")
  }

  @Test(
    "nothing is written any more; what was under way is answered, and reads are as long as the lease runs")
  func refuses() {
    var loop = TestLoop()
    #expect(loop.put("a", "1", write: 1) == nil)
    let number = loop.lastNumber
    loop.core.retire()
    #expect(loop.put("a", "2", write: 2) == .unavailable(.leaseOver))
    #expect(loop.compareAndPut("a", nil, "2", write: 3) == .unavailable(.leaseOver))
    #expect(loop.get("a") == .notFound)
    #expect(loop.commit().completions == [loop.done(number, existed: false)])
    #expect(loop.core.isRetired)
    #expect(loop.get("a") == .value([UInt8]("1".utf8)))
    loop.now = loop.now + 2_000
    #expect(loop.get("a") == .unavailable(.leaseOver))
  }

  @Test("it tells how much the database lacks, since when, and where it lists copies still")
  func unsaved() {
    var pair = ShadowPair.inSync()
    #expect(pair.ownerCore.unsaved(pair.now).lists == 1)
    #expect(pair.put("a", "1") == nil)
    pair.now = pair.now + 300
    #expect(pair.put("b", "12") == nil)
    let unsaved = pair.ownerCore.unsaved(pair.now + 50)
    #expect(unsaved.records == 2 && unsaved.partitions == 1 && unsaved.lists == 0 && unsaved.age == 350)
    #expect(unsaved.bytes > 0 && unsaved.bytes == pair.ownerCore.backlog)
    pair.ownerCore.retire()
    pair.store()
    #expect(pair.ownerCore.unsaved(pair.now).isEmpty)
  }

  @Test("a partition that comes meanwhile is handed over too")
  func newcomer() {
    var loop = TestLoop()
    loop.core.retire()
    loop.load(20..<21, Names.token(1, 2))
    loop.core.serve(Names.set(20..<21), until: loop.now + 2_000)
    #expect(loop.put("a", "1", 20, write: 1) == .unavailable(.leaseOver))
    #expect(loop.core.isRetired)
  }
}
