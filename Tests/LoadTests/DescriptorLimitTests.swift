import Testing

@testable import Load

@Suite("File descriptors for connections") struct DescriptorLimitTests {
  @Test("the soft limit becomes what the connections need, and beyond the hard one there is an error")
  func limits() throws {
    #expect(try DescriptorLimit.soft(for: 50, now: 1_024, hard: 4_096) == nil)
    #expect(try DescriptorLimit.soft(for: 960, now: 1_024, hard: 4_096) == nil)
    #expect(try DescriptorLimit.soft(for: 961, now: 1_024, hard: 4_096) == 1_025)
    #expect(try DescriptorLimit.soft(for: 4_032, now: 1_024, hard: 4_096) == 4_096)
    #expect {
      try DescriptorLimit.soft(for: 4_033, now: 1_024, hard: 4_096)
    } throws: {
      "\($0)".contains("ulimit -Hn")
    }
  }
}
