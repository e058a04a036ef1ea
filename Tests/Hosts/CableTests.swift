import Foundation
import Glibc
import HostNetworks
import Testing

@Suite(
  "Hosts and the cables between them",
  .enabled(if: HostNetwork.obstacle == nil, "\(HostNetwork.obstacle ?? "")"))
struct CableTests {
  /// A socket for datagrams on a host.
  private final class Datagrams {
    let descriptor: Int32

    init(_ host: String, _ network: HostNetwork) throws {
      descriptor = try network.at(host) { socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) }
      try #require(descriptor >= 0)
      let code = Self.with(network.address(of: host)) { Int(bind(descriptor, $0, $1)) }
      try #require(code == 0)
    }

    deinit { close(descriptor) }

    func send(_ number: UInt32, to host: String, _ network: HostNetwork) {
      var bytes = number
      _ = Self.with(network.address(of: host)) { sendto(descriptor, &bytes, 4, 0, $0, $1) }
    }

    /// What has come until nothing comes for so long.
    func receive(atMost count: Int = .max, within limit: Duration = .milliseconds(100)) -> [UInt32] {
      let microseconds = Int(limit / .microseconds(1))
      var time = timeval(tv_sec: microseconds / 1_000_000, tv_usec: microseconds % 1_000_000)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
      var numbers: [UInt32] = []
      var number: UInt32 = 0
      while numbers.count < count, recv(descriptor, &number, 4, 0) == 4 { numbers.append(number) }
      return numbers
    }

    private static func with(_ host: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int) -> Int {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = UInt16(4000).bigEndian
      inet_pton(AF_INET, host, &address.sin_addr)
      return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
  }

  @Test("a whole cable carries both ways, a cut one neither, and one direction can be cut alone")
  func cuts() throws {
    let network = try HostNetwork(["a", "b", "c"])
    defer { network.close() }
    let (a, b, c) = (try Datagrams("a", network), try Datagrams("b", network), try Datagrams("c", network))
    /// Who hears of whom: each sends its number to both others.
    func heard() -> [[UInt32]] {
      a.send(1, to: "b", network)
      a.send(1, to: "c", network)
      b.send(2, to: "a", network)
      b.send(2, to: "c", network)
      c.send(3, to: "a", network)
      c.send(3, to: "b", network)
      return [a.receive().sorted(), b.receive().sorted(), c.receive().sorted()]
    }
    #expect(heard() == [[2, 3], [1, 3], [1, 2]])
    network.lay(.cut, of: "a")
    #expect(heard() == [[], [3], [2]])
    network.lay(.whole, .incoming, of: "a")
    #expect(heard() == [[2, 3], [3], [2]])
    network.lay(.whole, of: "a")
    network.lay(.cut, from: "b", to: "c")
    #expect(heard() == [[2, 3], [1, 3], [1]])
    network.lay(.whole, from: "b", to: "c")
    #expect(heard() == [[2, 3], [1, 3], [1, 2]])
  }

  @Test("three packets in ten are lost, and the others come whole and in order")
  func loss() throws {
    let network = try HostNetwork(["a", "b"])
    defer { network.close() }
    let (a, b) = (try Datagrams("a", network), try Datagrams("b", network))
    network.lay(Cable(loss: 0.3), from: "a", to: "b")
    var arrived: [UInt32] = []
    for number in 0..<2_000 as Range<UInt32> {
      a.send(number, to: "b", network)
      if number % 100 == 99 { arrived += b.receive(within: .milliseconds(20)) }
    }
    // Six standard deviations: once in five hundred million runs it is not so.
    #expect((1_277...1_523).contains(arrived.count), "\(arrived.count) of 2000")
    #expect(arrived == arrived.sorted())
  }

  @Test("a delayed packet comes that much later, in order, and not in the other direction")
  func delay() throws {
    let network = try HostNetwork(["a", "b"])
    defer { network.close() }
    let (a, b) = (try Datagrams("a", network), try Datagrams("b", network))
    network.lay(Cable(delay: .milliseconds(50)), from: "a", to: "b")
    let start = ContinuousClock.now
    for number in 0..<10 as Range<UInt32> { a.send(number, to: "b", network) }
    b.send(99, to: "a", network)
    #expect(a.receive(within: .milliseconds(10)) == [99])
    #expect(b.receive(atMost: 1, within: .seconds(10)) == [0])
    #expect(ContinuousClock.now - start >= .milliseconds(50))
    #expect(b.receive(atMost: 9, within: .seconds(10)) == Array(1..<10))
  }

  @Test("a host has no interfaces but its own")
  func apart() throws {
    let network = try HostNetwork(["a", "b"])
    defer { network.close() }
    #expect(try network.at("a") { try interfaces() } == ["host0", "lo"])
    #expect(try !interfaces().contains("host0"), "and this thread is back where it was")
  }

  private func interfaces() throws -> [String] {
    let table = try String(contentsOfFile: "/proc/thread-self/net/dev", encoding: .utf8)
    let lines = table.split(separator: "\n")
    return lines.dropFirst(2).compactMap { $0.split(separator: ":").first?.filter { $0 != " " } }.sorted()
  }
}
