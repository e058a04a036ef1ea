import Testing

@testable import failover

@Suite("The report")
struct ReportTests {
  private func figure(_ unit: Reading.Unit, goal: Double?, _ values: [Double]) -> Report.Figure {
    Report.Figure(scenario: "s", figure: "f", unit: unit.rawValue, goal: goal, values: values)
  }

  @Test("of a time the median has to reach the goal, of a count every trial")
  func goals() {
    #expect(figure(.seconds, goal: 2, [1, 9, 1]).isMet == true)
    #expect(figure(.seconds, goal: 2, [1, 3, 3]).isMet == false)
    #expect(figure(.count, goal: 0, [0, 0, 1]).isMet == false)
    #expect(figure(.count, goal: nil, [1]).isMet == nil)
    #expect(figure(.seconds, goal: nil, [4, 1, 3, 2]).median == 2.5)
  }

  @Test("writes that Keyval lost are counted, those of others are not, and its goals are none of theirs")
  func lost() throws {
    var outcome = Load.Outcome()
    outcome.lost = 2
    var report = Report()
    let keyval = try #require(Scenario.all.first { !$0.isRedis })
    let redis = try #require(Scenario.all.first { $0.isRedis })
    report.add(outcome.readings(failedGoal: nil), of: redis)
    #expect(report.lostByKeyval == 0)
    #expect(report.figures.allSatisfy { $0.goal == nil })
    report.add(outcome.readings(failedGoal: nil), of: keyval)
    report.add(outcome.readings(failedGoal: nil), of: keyval)
    #expect(report.lostByKeyval == 4)
    #expect(report.table.contains("NOT MET"))
  }
}
