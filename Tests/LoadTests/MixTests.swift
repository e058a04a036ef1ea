import Cluster
import Testing

@testable import Load

@Suite("What a load asks") struct MixTests {
  private static func shareOfGets(_ mix: OperationMix) -> Double {
    var random = SplitMix(seed: 5)
    return Double((0..<100_000).filter { _ in mix.step(&random) == .get }.count) / 100_000
  }

  @Test(
    "a mix reads as much as it says",
    arguments: [
      ("get", 1), ("put", 0), ("get:put=9:1", 0.9), ("ycsb-a", 0.5), ("ycsb-b", 0.95), ("ycsb-c", 1),
      ("YCSB-D", 0.95), ("ycsb-f", 0.5), ("get:put=0:1", 0),
    ] as [(String, Double)])
  func shares(text: String, gets: Double) throws {
    #expect(abs(Self.shareOfGets(try OperationMix(text)) - gets) < 0.01)
  }

  @Test("YCSB's D reads what was inserted last, and its F puts what it has read")
  func special() throws {
    #expect(try OperationMix("ycsb-d").readsLatest)
    #expect(try OperationMix("ycsb-d").other == .insert)
    #expect(try OperationMix("ycsb-f").other == .readModifyWrite)
  }

  @Test("YCSB's E is refused, because there is no scan")
  func scans() {
    #expect { try OperationMix("ycsb-e") } throws: { "\($0)".contains("no scan") }
  }

  @Test(
    "what is no mix is refused",
    arguments: [
      "", "gets", "get:put", "get:put=", "get:put=1", "get:put=0:0", "get:put=1:2:3", "put:get=1:1",
      "get:put=-1:2", "get:put=4294967295:4294967295", "ycsb-g",
    ])
  func refused(text: String) {
    #expect(throws: LoadError.self) { try OperationMix(text) }
  }
}
