import CSocketDiagnostics
import Foundation

/// What TCP has carried over the connections to some ports of this machine, as the kernel counts it for each connection:
/// what others do meanwhile is not in it. Of connections that have ended nothing is known any more.
package struct Traffic: Sendable {
  /// Bytes and segments; those of an acknowledgement alone are segments, too.
  package struct Count: Sendable {
    package var bytes = 0.0
    package var segments = 0.0
  }

  /// From this process to the ports, and back.
  package var requests = Count()
  package var answers = Count()
  /// The same of all other processes, both ways.
  package var others = Count()

  /// - Parameter ports: that the nodes listen on.
  package init(to ports: Set<UInt16>) throws {
    let own = Self.ownConnections()
    for end in try Self.ends() where ports.contains(end.local) {
      if own.contains(Ports(local: end.remote, remote: end.local)) {
        requests.add(end.bytes_received, end.segments_received)
        answers.add(end.bytes_sent, end.segments_sent)
      } else {
        others.add(end.bytes_received, end.segments_received)
        others.add(end.bytes_sent, end.segments_sent)
      }
    }
  }

  private init(_ requests: Count, _ answers: Count, _ others: Count) {
    (self.requests, self.answers, self.others) = (requests, answers, others)
  }

  package static func - (left: Traffic, right: Traffic) -> Traffic {
    Traffic(left.requests - right.requests, left.answers - right.answers, left.others - right.others)
  }

  private static func ends() throws -> [benchmark_socket] {
    var room = 4_096
    while true {
      var ends = [benchmark_socket](repeating: benchmark_socket(), count: room)
      let count = benchmark_sockets(&ends, room)
      guard count >= 0 else {
        throw BenchmarkError(
          "the kernel does not tell of TCP connections: \(String(cString: strerror(errno)))")
      }
      if count <= room { return Array(ends[..<count]) }
      // More may have come meanwhile.
      room = count + 256
    }
  }

  /// Both, since a port of this process may be another's, too, towards another node.
  private struct Ports: Hashable {
    let local: UInt16
    let remote: UInt16
  }

  /// Of this process.
  private static func ownConnections() -> Set<Ports> {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    var all: Set<Ports> = []
    for descriptor in names.compactMap({ Int32($0) }) {
      if let local = port({ getsockname(descriptor, $0, &$1) }),
        let remote = port({ getpeername(descriptor, $0, &$1) })
      {
        all.insert(Ports(local: local, remote: remote))
      }
    }
    return all
  }

  /// Of one end, over IPv4.
  private static func port(
    _ name: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Int32
  ) -> UInt16? {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isNamed = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name($0, &length) == 0 }
    }
    guard isNamed, address.sin_family == sa_family_t(AF_INET) else { return nil }
    return UInt16(bigEndian: address.sin_port)
  }
}

extension Traffic.Count {
  fileprivate mutating func add(_ bytes: UInt64, _ segments: UInt32) {
    self.bytes += Double(bytes)
    self.segments += Double(segments)
  }

  fileprivate static func - (left: Self, right: Self) -> Self {
    Self(bytes: left.bytes - right.bytes, segments: left.segments - right.segments)
  }
}
