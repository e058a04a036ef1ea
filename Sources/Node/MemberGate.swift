import Cluster
import Synchronization

/// The newest membership list, for whoever decides on any event loop whether a session may be opened. The control
/// loop alone changes it.
final class MemberGate: Sendable {
  private let list: Mutex<MembershipList?>

  init(_ list: MembershipList?) { self.list = Mutex(list) }

  func admit(_ newer: MembershipList) { list.withLock { $0 = newer } }

  func contains(_ node: Principal) -> Bool { list.withLock { $0?.contains(node) ?? false } }
}
