import NIOCore
import Sessions
import Synchronization

/// Where a connection comes from: an IPv4 address, or the network half of an IPv6 address.
enum Source: Hashable, Sendable {
  case network(UInt64)
  case host(UInt32)
  case local

  init(_ address: SocketAddress?) {
    switch address {
    case .v4(let address): self = .host(address.address.sin_addr.s_addr)
    case .v6(let address):
      var host = address.address.sin6_addr
      self = withUnsafeBytes(of: &host) { bytes in
        // An IPv4 address in the dress of an IPv6 one (::ffff:192.0.2.7) counts as what it is.
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
        return isMapped
          ? .host(bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
          : .network(bytes.loadUnaligned(as: UInt64.self))
      }
    case .unixDomainSocket, nil: self = .local
    }
  }
}

/// The addresses of this cluster's nodes, as far as sessions with them have proved it. They have places of their own
/// among those who wait for a handshake, and their steps come first.
public final class MemberAddresses: Sendable {
  /// More than a cluster has nodes. The address that was proved least lately goes first.
  private static let limit = 4096

  private struct State {
    var proved: [Source: UInt64] = [:]
    var count: UInt64 = 0
  }

  private let state = Mutex(State())

  public init() {}

  func contains(_ source: Source) -> Bool { state.withLock { $0.proved[source] != nil } }

  /// A node has a session from, or at, this address.
  func insert(_ source: Source) {
    state.withLock { state in
      state.count += 1
      state.proved[source] = state.count
      guard state.proved.count > Self.limit, let oldest = state.proved.min(by: { $0.value < $1.value }) else {
        return
      }
      state.proved[oldest.key] = nil
    }
  }
}
