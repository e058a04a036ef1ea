import CNamespaces
import Glibc
import LocalCluster

/// Hosts of their own on this machine: network namespaces, each with one interface, and between them nothing but a
/// ``Hub`` in this process, which does to their packets what is asked of it.
///
/// The interface is a TUN device, whose other end is a descriptor of the hub's, and not one of a pair of Ethernet
/// devices on a bridge: loss and delay then need no queueing discipline of the kernel, packets are whole (no
/// checksums or segments left to a card that is none), a cut is silence as between routed hosts, and everything is
/// held by descriptors. The namespaces have no names. When this process ends, however it ends, the interfaces are
/// gone, and the namespaces with the last process in them.
public final class HostNetwork: ClusterSites {
  private let hosts: [String: Host]
  private let hub: Hub

  private struct Host {
    let index: Int
    let namespace: Int32
  }

  /// - Parameter names: of up to 200 hosts.
  /// - Throws: ``HostNetworkError`` where the machine does not allow it.
  public init(_ names: [String]) throws(HostNetworkError) {
    var hosts: [String: Host] = [:]
    var ends: [Int32] = []
    do throws(HostNetworkError) {
      for (index, name) in names.enumerated() {
        let (namespace, end) = try Self.make(index)
        hosts[name] = Host(index: index, namespace: namespace)
        ends.append(end)
      }
      hub = try Hub(ends)
      self.hosts = hosts
    } catch {
      for descriptor in ends + hosts.values.map(\.namespace) { Glibc.close(descriptor) }
      throw error
    }
  }

  deinit {
    close()
    for host in hosts.values { Glibc.close(host.namespace) }
  }

  /// Takes all interfaces away. Harmless to repeat.
  public func close() { hub.close() }

  // MARK: Hosts

  private static let mask: UInt32 = 0xFFFF_FF00

  /// 198.18.0.0/15 is for tests of networks (RFC 2544): no route of anybody leads there.
  static func address(_ index: Int) -> UInt32 { 0xC612_0000 + UInt32(index) + 1 }

  public func address(of name: String) -> String { "198.18.0.\(host(name).index + 1)" }

  /// Both daemons of the realm are one host.
  private func host(_ name: String) -> Host {
    guard let host = hosts[name == "kadmind" ? "krb5kdc" : name] else {
      fatalError("there is no host \(name)")
    }
    return host
  }

  public func at<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    let back = try Self.enter(host(name).namespace)
    defer { back() }
    return try body()
  }

  /// Moves this thread to another namespace. The closure moves it back.
  private static func enter(_ namespace: Int32?) throws(HostNetworkError) -> () -> Void {
    let own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    guard own >= 0 else { throw HostNetworkError("the kernel has no network namespaces") }
    let code = namespace.map { setns($0, keyval_new_network) } ?? unshare(keyval_new_network)
    guard code == 0 else {
      let problem = HostNetworkError("a thread cannot change its network namespace", errno)
      Glibc.close(own)
      throw problem
    }
    return {
      // On the wrong host this thread would do others' work there.
      guard setns(own, keyval_new_network) == 0 else { fatalError("a thread cannot return to its namespace") }
      Glibc.close(own)
    }
  }

  /// A new namespace with its loopback and its one interface.
  private static func make(_ index: Int) throws(HostNetworkError) -> (namespace: Int32, end: Int32) {
    let back = try enter(nil)
    defer { back() }
    let end = keyval_tun("host0")
    guard end >= 0 else { throw HostNetworkError("a TUN device cannot be made (/dev/net/tun)", errno) }
    guard keyval_bring_up("lo", 0, 0) == 0, keyval_bring_up("host0", address(index), mask) == 0 else {
      let problem = HostNetworkError("an interface cannot be brought up", errno)
      Glibc.close(end)
      throw problem
    }
    let namespace = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    guard namespace >= 0 else {
      let problem = HostNetworkError("a namespace cannot be held", errno)
      Glibc.close(end)
      throw problem
    }
    return (namespace, end)
  }

  // MARK: Cables

  /// Lays a cable from one host to another; the way back is another cable.
  public func lay(_ cable: Cable, from: String, to: String) {
    hub.lay(cable, from: host(from).index, to: host(to).index)
  }

  /// Lays such cables between the host and all others.
  public func lay(_ cable: Cable, _ direction: Direction = .both, of name: String) {
    for other in hosts.keys.sorted() where host(other).index != host(name).index {
      if direction != .incoming { lay(cable, from: name, to: other) }
      if direction != .outgoing { lay(cable, from: other, to: name) }
    }
  }

  // MARK: What the machine allows

  /// Why this machine has no hosts to give, nil if it has.
  public static let obstacle: String? = {
    do throws(HostNetworkError) {
      try HostNetwork(["probe"]).close()
      return nil
    } catch {
      let hint = geteuid() == 0 ? "" : "; run this as root"
      return "hosts of their own are not possible here: \(error)\(hint)"
    }
  }()
}

/// Why there are no hosts.
public struct HostNetworkError: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String, _ code: Int32? = nil) {
    self.description = description + (code.map { ": \(String(cString: strerror($0)))" } ?? "")
  }
}
