import Synchronization

/// What many tasks count together.
final class Count: Sendable {
  private let value = Atomic(0)

  func add() { value.add(1, ordering: .relaxed) }
  var all: Int { value.load(ordering: .relaxed) }
}
