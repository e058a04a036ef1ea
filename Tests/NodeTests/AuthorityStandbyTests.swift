import Cluster
import Kerberos
import KerberosFixture
import Logging
import ServiceLifecycle
import Storage
import Synchronization
import Testing

@testable import Node

/// Processes of one authority, each a service of this process; their register is one file.
private final class Standby: Sendable {
  let starts = Mutex<[Endpoint]>([])
  private let group: ServiceGroup
  private let task: Task<Void, any Error>

  init(_ site: AuthoritySite) {
    let starts = Mutex<@Sendable (Endpoint) -> Void>({ _ in })
    let node = AuthorityNode(configuration: site.configuration, logger: site.logger) { endpoint in
      starts.withLock { $0 }(endpoint)
    }
    let group = ServiceGroup(services: [node], logger: site.logger)
    self.group = group
    task = Task { try await group.run() }
    starts.withLock { $0 = { [self] endpoint in self.starts.withLock { $0.append(endpoint) } } }
  }

  var isActive: Bool { starts.withLock { !$0.isEmpty } }

  /// The address at which it listens since it has become active so many times.
  func active(times: Int = 1) async throws -> Endpoint {
    while true {
      let starts = starts.withLock { $0 }
      if starts.count >= times { return starts[times - 1] }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  func stop() async throws {
    await group.triggerGracefulShutdown()
    try await task.value
  }
}

@Suite("A standby authority on the same register", .timeLimit(.minutes(2)))
struct AuthorityStandbyTests {
  @Test("it listens to nobody while the other is active, and follows at once when that one ends in order")
  func inOrder() async throws {
    let site = try await AuthoritySite()
    let first = Standby(site)
    let before = try await first.active()
    let drones = try await site.drones(["d1", "d2"], of: before)
    for drone in drones { _ = try await drone.registered { $0.drones.count == 2 } }

    let second = Standby(site)
    let register = try AuthorityRegister(directory: site.configuration.directory, cluster: "demo")
    let holder = try register.tenure().holder
    // More renewals than there are in a tenure: whoever overlooked them would have taken over.
    let timing = site.configuration.timing
    let renewals = UInt64((timing.tenure + timing.drift) / timing.heartbeat) + 3
    let seen = try register.tenure().counter
    while try register.tenure().counter < seen + renewals { try await Task.sleep(for: .milliseconds(5)) }
    #expect(!second.isActive)
    #expect(try register.tenure().holder == holder)
    try await first.stop()
    let after = try await second.active()
    #expect(after != before)
    #expect(try register.tenure().holder != holder)
    let drone = try await site.drones(["d1"], of: after)[0]
    #expect(try await drone.registered { _ in true }.drones.count == 2)
    try await second.stop()
    #expect(try register.tenure().holder == nil, "who ends in order gives the tenure back")
  }

  @Test(
    "an authority that takes over while the access list is broken is active, and hands it out once it is mended"
  )
  func brokenAccessList() async throws {
    let site = try await AuthoritySite()
    let authority = Standby(site)
    _ = try await authority.active()
    try site.writeAccess("alice r\n")
    // Another process has the tenure, and dies.
    _ = try takeTenure(site)
    let drone = try await site.drones(["d1"], of: try await authority.active(times: 2))[0]
    #expect(try await drone.registered { _ in true }.accessVersion == 0)
    try site.writeAccess("*@\(site.fixture.realmName) r\n")
    let list = try await drone.next { message in
      if case .accessList(let list) = message { list } else { nil }
    }
    #expect(list.version == 2 && String(decoding: list.text, as: UTF8.self).hasPrefix("*@"))
    try await authority.stop()
  }

  /// Gives the tenure to a process that does not renew it.
  private func takeTenure(_ site: AuthoritySite) throws -> (register: AuthorityRegister, holder: Incarnation)
  {
    let register = try AuthorityRegister(directory: site.configuration.directory, cluster: "demo")
    let other = Incarnation(4711)
    while true {
      let record = try register.tenure()
      if try register.replaceTenure(record, with: record.followed(by: other)) == .stored {
        return (register, other)
      }
    }
  }

  @Test(
    "an authority that finds its tenure taken ends its sessions, stands by, and takes over again in its turn")
  func takenAway() async throws {
    let site = try await AuthoritySite()
    let authority = Standby(site)
    let drone = try await site.drones(["d1"], of: try await authority.active())[0]
    _ = try await drone.registered { $0.drones.count == 1 }

    // Another process, which then dies: as long as nobody knows that, nobody takes its place.
    let (register, other) = try takeTenure(site)
    let taken = ContinuousClock.now
    await #expect(throws: AuthorityPeer.SessionEnded.self) {
      while true { _ = try await drone.registered { _ in true } }
    }
    let again = try await authority.active(times: 2)
    #expect(ContinuousClock.now - taken > .milliseconds(site.configuration.timing.tenure))
    #expect(try register.tenure().holder != other)
    let returned = try await site.drones(["d1"], of: again)[0]
    #expect(try await returned.registered { _ in true }.drones.count == 1)
    try await authority.stop()
  }
}
