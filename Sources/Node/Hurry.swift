import Synchronization

/// Somebody will not wait until a node has ended in order, and takes what that costs.
public final class Hurry: Sendable {
  private let asked = Atomic<Bool>(false)

  public init() {}

  public func now() { asked.store(true, ordering: .releasing) }

  var isAsked: Bool { asked.load(ordering: .acquiring) }
}
