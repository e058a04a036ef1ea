import Cluster

/// Who belongs to a cluster, as a table and a few sentences.
enum NodeReport {
  static func text(_ answer: NodesAnswer) -> String {
    let rows =
      [["NODE", "ADDRESS", "STATE"]]
      + answer.nodes.map { [name($0.principal), "\($0.endpoint)", "member"] }
      + answer.revoked.map {
        [name($0), "-", answer.pending.contains($0) ? "removed, pending" : "removed"]
      }
    var text = TextTable.render(rows) + "\nmembership \(answer.version)"
    if !answer.pending.isEmpty {
      text +=
        "; elections take account of membership \(answer.counted) and later: what is pending is not counted yet"
    }
    return text + "\n"
  }

  private static func name(_ node: Cluster.Principal) -> String {
    node.instance.map { "\(node.primary)/\($0)" } ?? node.text
  }
}
