/// Checks whether the operations on one key can be put in an order that respects real time and in which a
/// register would have given these very results.
///
/// The algorithm is Wing and Gong's (1993) with Lowe's refinement (2017): depth first over the calls that may
/// come next, undoing what leads nowhere, and never looking twice at the same set of linearized operations with
/// the same state. Keys are independent, so each is checked alone (Herlihy and Wing, 1990: locality).
public enum Linearizability {
  public enum Verdict: Equatable, Sendable {
    case linearizable
    /// No order explains the results. The operations up to the first that nothing can explain, in order of
    /// being asked.
    case violated([Operation])
    /// Too many orders to try.
    case undecided
  }

  public static let patience = 2_000_000

  public static func check(_ operations: [Operation], patience: Int = patience) -> Verdict {
    var search = Search(operations.sorted { $0.invoked < $1.invoked }, patience: patience)
    return search.run()
  }
}

/// The search over one history: a doubly linked list of calls and returns in order of time.
private struct Search {
  private struct Node {
    /// The operation; calls and returns have one each.
    let operation: Int
    let isCall: Bool
    /// Of a call: where its return is.
    var match = -1
    var previous = -1
    var next = -1
  }

  private struct Configuration: Hashable {
    let linearized: Bits
    let state: [UInt8]?
  }

  private struct Bits: Hashable {
    private var words: [UInt64]
    init(count: Int) { words = [UInt64](repeating: 0, count: count / 64 + 1) }
    mutating func insert(_ index: Int) { words[index / 64] |= 1 << UInt64(index % 64) }
    mutating func remove(_ index: Int) { words[index / 64] &= ~(1 << UInt64(index % 64)) }
  }

  private let operations: [Operation]
  private var nodes: [Node] = []
  private var head = -1
  private var patience: Int
  /// Operations that have returned and are not linearized yet.
  private var required: Int

  init(_ operations: [Operation], patience: Int) {
    self.operations = operations
    self.patience = patience
    required = operations.count { $0.returned != .max }
    link()
  }

  private mutating func link() {
    var events: [(time: Int64, isCall: Bool, operation: Int)] = []
    for (index, operation) in operations.enumerated() {
      events.append((operation.invoked, true, index))
      events.append((operation.returned, false, index))
    }
    // At the same time a call comes before a return: then the two overlap, which excludes less.
    events.sort { ($0.time, $0.isCall ? 0 : 1, $0.operation) < ($1.time, $1.isCall ? 0 : 1, $1.operation) }
    var calls = [Int](repeating: -1, count: operations.count)
    nodes.append(Node(operation: -1, isCall: false))
    for event in events {
      nodes.append(Node(operation: event.operation, isCall: event.isCall))
      let index = nodes.count - 1
      nodes[index].previous = index - 1
      nodes[index - 1].next = index
      if event.isCall { calls[event.operation] = index } else { nodes[calls[event.operation]].match = index }
    }
    head = 0
  }

  mutating func run() -> Linearizability.Verdict {
    var linearized = Bits(count: operations.count)
    var state: [UInt8]?
    var seen: Set<Configuration> = []
    var stack: [(node: Int, state: [UInt8]?)] = []
    var deepest = -1
    var current = nodes[head].next
    while required > 0 {
      patience -= 1
      guard patience > 0 else { return .undecided }
      if current >= 0, nodes[current].isCall {
        let operation = nodes[current].operation
        if let next = step(state, operations[operation]) {
          var after = linearized
          after.insert(operation)
          if seen.insert(Configuration(linearized: after, state: next)).inserted {
            stack.append((current, state))
            linearized = after
            state = next
            lift(current)
            current = nodes[head].next
            continue
          }
        }
        current = nodes[current].next
        continue
      }
      // A return of what is not linearized: nothing after it can come before it.
      if current >= 0 { deepest = max(deepest, nodes[current].operation) }
      guard let last = stack.popLast() else { return .violated(Array(operations.prefix(deepest + 1))) }
      state = last.state
      linearized.remove(nodes[last.node].operation)
      unlift(last.node)
      current = nodes[last.node].next
    }
    return .linearizable
  }

  /// The state after an operation, if it can have had this result: nil when not.
  private func step(_ state: [UInt8]?, _ operation: Operation) -> [UInt8]?? {
    switch (operation.call, operation.result) {
    case (.get, .value(let value)): state == value ? .some(state) : nil
    case (.get, _): .some(state)
    case (.put(let value), .existed(let existed)): existed == (state != nil) ? .some(value) : nil
    case (.put(let value), _): .some(value)
    case (.delete, .existed(let existed)): existed == (state != nil) ? .some(nil) : nil
    case (.delete, _): .some(nil)
    }
  }

  private mutating func lift(_ call: Int) {
    remove(call)
    remove(nodes[call].match)
    if operations[nodes[call].operation].returned != .max { required -= 1 }
  }

  private mutating func unlift(_ call: Int) {
    insert(nodes[call].match)
    insert(call)
    if operations[nodes[call].operation].returned != .max { required += 1 }
  }

  private mutating func remove(_ index: Int) {
    let node = nodes[index]
    nodes[node.previous].next = node.next
    if node.next >= 0 { nodes[node.next].previous = node.previous }
  }

  private mutating func insert(_ index: Int) {
    let node = nodes[index]
    nodes[node.previous].next = index
    if node.next >= 0 { nodes[node.next].previous = index }
  }
}
