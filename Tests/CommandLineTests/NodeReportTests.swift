import Cluster
import Testing

@testable import keyval

@Suite("What is told of nodes") struct NodeReportTests {
  private func drone(_ number: Int) throws -> Principal {
    try Principal(role: .drone, node: "d\(number)", realm: "KEYVAL.TEST")
  }

  @Test("members come first, then who was removed, and what is pending is explained")
  func report() throws {
    let nodes = try [1, 2].map {
      RegisteredNode(principal: try drone($0), endpoint: Endpoint(host: "h", port: UInt16($0)))
    }
    let answer = NodesAnswer(
      number: 1, version: 9, counted: 7, nodes: nodes, pending: [try drone(3)],
      revoked: [try drone(3), try drone(4)])
    #expect(
      NodeReport.text(answer) == """
        NODE             ADDRESS  STATE
        keyval-drone/d1  h:1      member
        keyval-drone/d2  h:2      member
        keyval-drone/d3  -        removed, pending
        keyval-drone/d4  -        removed

        membership 9; elections take account of membership 7 and later: what is pending is not counted yet

        """)
  }

  @Test("a name alone is a drone; only drones and databases are removed")
  func names() {
    #expect(NodeCommand.Remove.name("d4") == "keyval-drone/d4")
    #expect(NodeCommand.Remove.name("keyval-database/db2@R") == "keyval-database/db2")
    for text in ["", "alice/x", "keyval-drone/", "keyval-authority/a1", "keyval-commander/7", "a/b/c"] {
      #expect(NodeCommand.Remove.name(text) == nil, "\(text)")
    }
  }

  @Test("a node of another realm is not removed")
  func realms() throws {
    #expect(try NodeCommand.Remove.principal("d4", of: "R") == Principal("keyval-drone/d4@R"))
    #expect(try NodeCommand.Remove.principal("keyval-drone/d4@R", of: "R") == Principal("keyval-drone/d4@R"))
    #expect(throws: (any Error).self) { try NodeCommand.Remove.principal("keyval-drone/d4@OTHER", of: "R") }
  }

  @Test("the sentence after a removal says what follows")
  func sentences() throws {
    let pending = NodeCommand.Remove.sentence(try drone(4), 5, isPending: true)
    #expect(pending.contains("membership 5") && pending.contains("pending"))
    #expect(NodeCommand.Remove.sentence(try drone(4), 5, isPending: false).contains("No election"))
  }
}
