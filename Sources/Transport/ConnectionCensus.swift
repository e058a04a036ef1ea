import NIOCore
import Sessions
import Synchronization

/// Counts the connections whose handshake is not over, in total and by source, and says when it is enough.
final class ConnectionCensus: Sendable {
  /// Where a connection comes from: an IPv4 address, or the network half of an IPv6 address.
  enum Source: Hashable, Sendable {
    case network(UInt64)
    case host(UInt32)
    case local
  }

  private struct Counts {
    var total = 0
    var bySource: [Source: Int] = [:]
  }

  private let counts = Mutex(Counts())
  private let limit: Int
  private let limitPerSource: Int

  init(_ limits: SessionLimits) {
    limit = limits.unauthenticatedConnections
    limitPerSource = limits.unauthenticatedConnectionsPerSource
  }

  /// Counts a connection in, unless that would be too many. Each success wants one `leave`.
  func enter(_ source: Source) -> Bool {
    counts.withLock { counts in
      let ofSource = counts.bySource[source, default: 0]
      guard counts.total < limit, ofSource < limitPerSource else { return false }
      counts.total += 1
      counts.bySource[source] = ofSource + 1
      return true
    }
  }

  func leave(_ source: Source) {
    counts.withLock { counts in
      counts.total -= 1
      let ofSource = counts.bySource[source, default: 1] - 1
      counts.bySource[source] = ofSource > 0 ? ofSource : nil
    }
  }

  /// Connections counted now.
  var total: Int { counts.withLock { $0.total } }
}

extension ConnectionCensus.Source {
  init(_ address: SocketAddress?) {
    switch address {
    case .v4(let address): self = .host(address.address.sin_addr.s_addr)
    case .v6(let address):
      var host = address.address.sin6_addr
      self = .network(withUnsafeBytes(of: &host) { $0.loadUnaligned(as: UInt64.self) })
    case .unixDomainSocket, nil: self = .local
    }
  }
}
