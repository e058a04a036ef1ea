import Synchronization

/// The commander's name for the hello of this node: written by the control loop, read by the listener's.
final class CommanderHint: Sendable {
  private let name = Mutex<String?>(nil)

  var value: String? { name.withLock { $0 } }
  func set(_ principal: String?) { name.withLock { $0 = principal } }
}
