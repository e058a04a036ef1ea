/// Checks whether the operations on one key can be put in an order that respects real time and in which a
/// register would have given these very results.
///
/// The algorithm is Wing and Gong's (1993) with Lowe's refinement (2017): depth first over the calls that may
/// come next, undoing what leads nowhere, and never looking twice at the same set of linearized operations with
/// the same state. Keys are independent, so each is checked alone (Herlihy and Wing, 1990: locality).
///
/// Operations of unknown outcome could multiply the orders beyond all bounds. They are put in only where they are
/// needed, right before an operation that cannot have had its result without: anywhere else nobody can tell
/// whether they were executed. One is put there at a time, which is enough as long as whoever compares expects what
/// an answer has told, not what he hopes that another compare-and-put without an answer has left.
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

/// The search over one history: a doubly linked list of the calls and returns of what has a result, in order of
/// time, and beside it what has none.
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
    func contains(_ index: Int) -> Bool { words[index / 64] & 1 << UInt64(index % 64) != 0 }
  }

  /// What was linearized in one step: a call, perhaps right behind an operation of unknown outcome.
  private struct Step {
    let node: Int
    let choice: Int
    let unknown: Int?
    let before: [UInt8]?
  }

  private let operations: [Operation]
  private let unknown: [Int]
  /// Values that somebody read.
  private let read: Set<[UInt8]>
  private var nodes: [Node] = []
  private var linearized: Bits
  private var state: [UInt8]?
  private var seen: Set<Configuration> = []
  private var stack: [Step] = []
  private var patience: Int

  init(_ operations: [Operation], patience: Int) {
    self.operations = operations
    self.patience = patience
    unknown = operations.indices.filter { operations[$0].returned == .max }
    read = Set(
      operations.compactMap { if case .value(.some(let value)) = $0.result { value } else { nil } })
    linearized = Bits(count: operations.count)
    link()
  }

  private mutating func link() {
    var events: [(time: Int64, isCall: Bool, operation: Int)] = []
    for (index, operation) in operations.enumerated() where operation.returned != .max {
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
  }

  mutating func run() -> Linearizability.Verdict {
    var deepest = -1
    var current = nodes[0].next
    var choice = 0
    while nodes[0].next >= 0 {
      patience -= 1
      guard patience > 0 else { return .undecided }
      if current >= 0, nodes[current].isCall {
        if linearize(current, choice) {
          current = nodes[0].next
          choice = 0
        } else if choice + 1 < choiceCount(current) {
          choice += 1
        } else {
          current = nodes[current].next
          choice = 0
        }
        continue
      }
      // A return of what is not linearized: nothing after it can come before it.
      if current >= 0 { deepest = max(deepest, nodes[current].operation) }
      guard let last = stack.popLast() else { return .violated(Array(operations.prefix(deepest + 1))) }
      undo(last)
      current = last.node
      choice = last.choice + 1
      if choice >= choiceCount(current) {
        current = nodes[current].next
        choice = 0
      }
    }
    return .linearizable
  }

  /// Alone, or behind one of the unknown.
  private func choiceCount(_ node: Int) -> Int {
    Self.step(state, operations[nodes[node].operation]) != nil ? 1 : unknown.count
  }

  /// Takes a call as the next that happened, if it can have been and this has not been tried.
  private mutating func linearize(_ node: Int, _ choice: Int) -> Bool {
    let operation = nodes[node].operation
    var after = linearized
    after.insert(operation)
    if let next = Self.step(state, operations[operation]) {
      guard choice == 0 else { return false }
      return apply(Step(node: node, choice: 0, unknown: nil, before: state), after, next)
    }
    guard unknown.indices.contains(choice) else { return false }
    let helper = unknown[choice]
    guard !linearized.contains(helper), operations[helper].invoked <= firstReturn(),
      isFirstOfItsKind(choice), let between = Self.step(state, operations[helper]),
      let next = Self.step(between, operations[operation])
    else { return false }
    after.insert(helper)
    return apply(Step(node: node, choice: choice, unknown: helper, before: state), after, next)
  }

  private mutating func apply(_ step: Step, _ after: Bits, _ next: [UInt8]?) -> Bool {
    guard seen.insert(Configuration(linearized: after, state: next)).inserted else { return false }
    stack.append(step)
    linearized = after
    state = next
    remove(step.node)
    remove(nodes[step.node].match)
    return true
  }

  private mutating func undo(_ step: Step) {
    state = step.before
    linearized.remove(nodes[step.node].operation)
    if let helper = step.unknown { linearized.remove(helper) }
    insert(nodes[step.node].match)
    insert(step.node)
  }

  /// What is linearized next was asked before this.
  private func firstReturn() -> Int64 {
    var node = nodes[0].next
    while node >= 0, nodes[node].isCall { node = nodes[node].next }
    return node >= 0 ? operations[nodes[node].operation].returned : .max
  }

  /// Deletes of unknown outcome are as good as one another, and so are puts of what nobody read: the one that
  /// was asked first will do.
  private func isFirstOfItsKind(_ choice: Int) -> Bool {
    func kind(_ index: Int) -> Int? {
      switch operations[index].call {
      case .delete: 0
      case .put(let value): read.contains(value) ? nil : 1
      case .get: 2
      case .compareAndPut: nil
      }
    }
    guard let own = kind(unknown[choice]) else { return true }
    return !unknown[..<choice].contains { kind($0) == own && !linearized.contains($0) }
  }

  /// The state after an operation, if it can have had this result: nil when not.
  private static func step(_ state: [UInt8]?, _ operation: Operation) -> [UInt8]?? {
    switch (operation.call, operation.result) {
    case (.get, .value(let value)): state == value ? .some(state) : nil
    case (.get, _): .some(state)
    case (.put(let value), .existed(let existed)): existed == (state != nil) ? .some(value) : nil
    case (.put(let value), _): .some(value)
    case (.delete, .existed(let existed)): existed == (state != nil) ? .some(nil) : nil
    case (.delete, _): .some(nil)
    case (.compareAndPut(let expected, let value), .matched(true)): state == expected ? .some(value) : nil
    case (.compareAndPut(let expected, _), .matched(false)): state != expected ? .some(state) : nil
    case (.compareAndPut(let expected, let value), _): .some(state == expected ? value : state)
    }
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
