import Cluster
import Commander

/// Who in a drone's process hears a message of the control plane: its drone, the office that it may hold, or both.
extension ControlMessage {
  /// For the office alone. What comes while none is held is nobody's.
  public var isForOffice: Bool {
    switch self {
    case .report, .grantRequest, .heartbeatHeard, .keyStored, .fences, .openFailed, .unreachable: true
    default: false
    }
  }
}

extension CommanderEvent {
  /// What the office is told of a message that its drone has taken; nil: nothing.
  /// - Parameter accessList: the newest that the drone has by now.
  public init?(
    of message: ControlMessage, from peer: Principal, authority: Principal, accessList: NumberedAccessList?
  ) {
    switch message {
    case .registered(let list) where peer == authority:
      self = .registerChanged(
        membership: list.membership, drones: list.drones, databases: list.databases)
    case .refused: self = .received(message, from: peer)
    case .accessList:
      guard let accessList else { return nil }
      self = .accessListChanged(accessList)
    default: return nil
    }
  }
}
