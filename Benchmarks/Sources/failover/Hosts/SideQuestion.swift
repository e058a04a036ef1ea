import LocalCluster

/// What the callers on a host of their own are asked, a line of JSON each.
enum SideQuestion: Codable, Sendable {
  /// Be clients of this cluster.
  case connect(Reach)
  /// End this when whoever asks has ended.
  case inherit(Estate)
  case awaitAnswers
  case awaitWhole
  /// Answered with ``SideAnswer/victim(name:tags:)``.
  case victim(tags: [String])
  case begin(Work)
  /// Until those with these tags, nil: all, are served so often since the mark.
  case awaitServed(tags: [String]?, times: Int, seconds: Int)
  case mark
  /// The longest times without service since the mark of those with these tags, as ``SideAnswer/times(_:)``.
  case gaps(tags: [String])
  /// Requests a second.
  case rate
  /// What was acknowledged since the mark.
  case acknowledged
  /// Stop, and read everything back. Answered with ``SideAnswer/outcome(_:)``.
  case finish

  /// What the callers of one side do.
  struct Work: Codable, Sendable {
    /// The same on all sides.
    let name: String
    let tags: [String]
    /// Those of the tags that others watch.
    var recorded: Set<String> = []
    /// Tags of callers on another side.
    var watched: [String] = []
  }
}

/// A line of JSON for each question.
enum SideAnswer: Codable, Sendable {
  case done
  case victim(name: String, tags: Set<String>)
  case times([Duration])
  case rate(Double)
  /// How many writes, and when the last of them was acknowledged.
  case acknowledged(count: Int, last: ContinuousClock.Instant?)
  case outcome(Load.Outcome)
  case problem(String)
}

/// How a cluster is reached, and how long a request to it is tried.
struct Reach: Codable, Sendable {
  enum Store: Codable, Sendable {
    case keyval(directory: String)
    case redis(nodes: [RedisAddress])
  }

  let store: Store
  let deadline: Duration

  func view() throws -> any View {
    switch store {
    case .keyval(let path):
      try KeyvalView(of: ClusterDirectory(existing: path), deadline: deadline)
    case .redis(let nodes): RedisView(of: nodes, deadline: deadline)
    }
  }
}
