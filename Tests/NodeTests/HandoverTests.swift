import Cluster
import Drone
import Testing

@testable import Node

@Suite("What a drone that is about to end says of its wait") struct HandoverTests {
  private let drone = try! Principal("keyval-drone/d1@KEYVAL.TEST")

  @Test("how much, of how many partitions, since when, and whether the database answers")
  func records() {
    var unsaved = Unsaved()
    unsaved.records = 1
    unsaved.bytes = 320
    unsaved.partitions = 1
    unsaved.age = 4_250
    let one = HandoverReport(unsaved: unsaved, isDatabaseAnswering: true)
    #expect(
      one.sentence
        == "the database does not have 1 record (about 320 B) of 1 partition, the oldest since 4.2 s; the database "
        + "answers")
    unsaved.records = 1_200
    unsaved.bytes = 12_345_678
    unsaved.partitions = 30
    let many = HandoverReport(unsaved: unsaved, isDatabaseAnswering: false)
    #expect(many.sentence.contains("1200 records (about 12 MB) of 30 partitions"))
    #expect(many.sentence.hasSuffix("does not answer"))
    let full = HandoverReport(
      unsaved: unsaved, isDatabaseAnswering: true, complaint: "/data has no room left: free some disk space")
    #expect(
      full.sentence.hasSuffix(
        "the database answers that it cannot store them: /data has no room left: free some disk space"))
    let error = many.failure(of: drone)
    #expect(error.exitStatus == 75)
    #expect(error.description.contains("keyval-drone/d1@KEYVAL.TEST: was told to end at once"))
    #expect(error.description.contains("what none of them has is lost"))
  }

  @Test("where only lists are behind, nothing would be lost")
  func lists() {
    var unsaved = Unsaved()
    unsaved.lists = 2
    let report = HandoverReport(unsaved: unsaved, isDatabaseAnswering: true)
    #expect(report.sentence.contains("2 partitions will have no copies in sync"))
    #expect(report.failure(of: drone).description.contains("Nothing is lost"))
  }
}
