import ClusterFixture
import HostNetworks

/// What happens to a host's processes or to its cable.
enum Fault: String, CaseIterable, Sendable {
  /// kill -9; started again afterwards.
  case killed
  /// SIGSTOP, and SIGCONT afterwards.
  case stopped
  case cut
  /// Nothing that it sends arrives.
  case mute
  /// Nothing arrives that is sent to it.
  case deaf
  /// Three packets in ten are lost, each way.
  case lossy
  /// Everything comes 50 ms later, each way.
  case slow

  /// Whether the others do without the host after a while.
  var takesAway: Bool { self != .lossy && self != .slow }

  func strike(_ processes: [String], _ cluster: ClusterFixture, _ network: HostNetwork) throws {
    switch self {
    case .killed: for name in processes { try cluster.kill(name) }
    case .stopped: for name in processes { try cluster.suspend(name) }
    case .cut: network.lay(.cut, of: processes[0])
    case .mute: network.lay(.cut, .outgoing, of: processes[0])
    case .deaf: network.lay(.cut, .incoming, of: processes[0])
    case .lossy: network.lay(Cable(loss: 0.3), of: processes[0])
    case .slow: network.lay(Cable(delay: .milliseconds(50)), of: processes[0])
    }
  }

  func heal(_ processes: [String], _ cluster: ClusterFixture, _ network: HostNetwork) throws {
    switch self {
    case .killed: for name in processes { try cluster.restart(name) }
    case .stopped: for name in processes { try cluster.resume(name) }
    case .cut, .mute, .deaf, .lossy, .slow: network.lay(.whole, of: processes[0])
    }
  }
}

/// Whom a fault strikes.
enum Victim: String, CaseIterable, Sendable {
  case commander
  /// Another drone.
  case drone
  case database
  case authority
  case kdc

  var isDrone: Bool { self == .commander || self == .drone }
}
