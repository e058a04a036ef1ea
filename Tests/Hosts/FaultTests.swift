import ClusterFixture
import Glibc
import HostNetworks
import HostWorkload
import Testing

/// One cluster, on which every fault is struck against every role, one after the other, while four clients read and
/// write. Each waits for what must come about, not for a time. One cluster at a time: three that share two cores
/// starve one another.
@Suite(
  "A cluster on hosts of their own", .serialized, .timeLimit(.minutes(10)),
  .enabled(if: HostNetwork.obstacle == nil, "\(HostNetwork.obstacle ?? "")"))
struct FaultTests {
  /// Operations that each client does while a fault goes on that is no obstacle to it.
  private static let work = 150
  /// The same, where packets of a drone are lost or late: each takes its time.
  private static let slowWork = 20

  @Test("whatever strikes whom, every history is linearizable and no acknowledged write is lost")
  func everything() async throws {
    try await HostCluster.run { hosts in
      for victim in Victim.allCases {
        for fault in Fault.allCases {
          do {
            try await strike(fault, victim, hosts)
          } catch {
            throw ClusterFixtureError("\(victim) \(fault): \(error)")
          }
        }
      }
      let report = try hosts.clients.finish()
      #expect(report.lost == [], "of \(report.written) keys that were written once")
      #expect(report.written > 500)
      #expect(report.anomalies == [])
      // Histories with little in them show nothing.
      #expect(report.operations > 2_000)
    }
  }

  /// The other faults are over before TCP has lost much hope. After a minute it would try again only after as long as it
  /// has tried in vain; until then the commander would miss the database that the drones, which dial anew, have back,
  /// and would give up its office.
  @Test(
    "database, authority and KDC unheard or without hearing for a minute cost no office and no request, nor after it",
    arguments: [Fault.mute, .deaf])
  func minute(fault: Fault) async throws {
    try await HostCluster.run { hosts in
      let before = try await hosts.awaitCalm()
      try hosts.clients.begin("minute")
      // The clients have written to each partition, so that each lists its shadows.
      _ = try await hosts.awaitCalm()
      for victim in [Victim.database, .authority, .kdc] {
        try fault.strike(hosts.processes(of: victim, before), hosts.cluster, hosts.network)
      }
      let end = ContinuousClock.now + .seconds(60)
      while ContinuousClock.now < end { try await hosts.awaitProgress(20) }
      for victim in [Victim.database, .authority, .kdc] {
        try fault.heal(hosts.processes(of: victim, before), hosts.cluster, hosts.network)
      }
      _ = try await hosts.awaitCalm()
      try await hosts.awaitDurability()
      // An office would end only some time after that.
      try await hosts.awaitProgress(Self.work * 5)
      let after = try await hosts.awaitCalm()
      #expect(after.term == before.term)
      #expect(try hosts.clients.progress().failures == [])
      let report = try hosts.clients.finish()
      #expect(report.lost == [], "of \(report.written) keys that were written once")
      #expect(report.anomalies == [])
    }
  }

  @Test(
    "with long values and a database that does not keep up: a drone dies, all end in order and start, and nothing is lost"
  )
  func behind() async throws {
    try await HostCluster.run { hosts in
      let (cluster, clients) = (hosts.cluster, hosts.clients)
      _ = try await hosts.awaitCalm()
      // Values as long as one packet and longer.
      try clients.begin("behind", padding: 16_000)
      let before = try await hosts.awaitCalm()
      let slow = SlowProcess(try cluster.process("db1").identity)
      try await hosts.awaitProgress(Self.slowWork)
      let victim = try hosts.processes(of: .drone, before)[0]
      try cluster.kill(victim)
      _ = try await hosts.status("all slots are served without \(victim)") {
        $0.slotsServed == 16_384 && !$0.owners.contains(victim)
      }
      try cluster.restart(victim)
      try await hosts.awaitProgress(Self.slowWork)

      // As a machine that shuts down: everybody is asked at once, while clients go on asking for more.
      let processes = try cluster.processes
      for process in processes { process.identity.send(signal: SIGTERM) }
      for process in processes {
        let status = try await cluster.awaitEnd(of: process.name, within: .seconds(120))
        #expect(status == 0, "how \(process.name) ended; its log:\n\(cluster.log(of: process.name))")
      }
      await slow.stop()
      for process in processes { try cluster.restart(process.name) }
      _ = try await hosts.awaitCalm()
      try await hosts.awaitProgress(Self.work)
      try await hosts.awaitDurability()
      let report = try clients.finish()
      #expect(report.lost == [], "of \(report.written) keys that were written once")
      #expect(report.written > 50)
      #expect(report.anomalies == [])
      #expect(report.operations > 500)
    }
  }

  private func strike(_ fault: Fault, _ victim: Victim, _ hosts: HostCluster) async throws {
    let title = "\(victim) \(fault)"
    let before = try await hosts.awaitCalm()
    try hosts.clients.begin(title)
    try await hosts.awaitProgress(5)
    _ = try await hosts.awaitCalm()
    let processes = try hosts.processes(of: victim, before)

    try fault.strike(processes, hosts.cluster, hosts.network)
    try await awaitEffect(of: fault, victim, processes[0], before, hosts)
    try fault.heal(processes, hosts.cluster, hosts.network)
    let after = try await hosts.awaitCalm()
    try await hosts.awaitProgress(5)
    try await hosts.awaitDurability()

    let progress = try hosts.clients.progress()
    if fault != .lossy { #expect(progress.failures == [], "\(title): no request fails") }
    if victim != .commander, fault.takesAway {
      #expect(after.term == before.term, "\(title): it ends no office")
    }
  }

  /// Waits until the others have come to terms with the fault.
  private func awaitEffect(
    of fault: Fault, _ victim: Victim, _ name: String, _ before: Status, _ hosts: HostCluster
  ) async throws {
    switch victim {
    case .commander where fault.takesAway:
      _ = try await hosts.status("another commander is certified, and all slots are served without \(name)") {
        $0.term > before.term && $0.slotsServed == 16_384 && !$0.owners.contains(name)
      }
    case .drone where fault.takesAway:
      _ = try await hosts.status("all slots are served without \(name)") {
        $0.slotsServed == 16_384 && !$0.owners.contains(name)
      }
    case .commander, .drone: try await hosts.awaitProgress(Self.slowWork)
    // Gets and secured puts go on.
    case .database, .authority, .kdc:
      try await hosts.awaitProgress(Self.work)
      guard fault.takesAway else { return }
      if victim == .authority {
        _ = try await hosts.status("the commander misses the authority") { !$0.reachesAuthority }
      }
      if victim == .database { #expect(throws: ClientHostError.self) { try hosts.clients.writeDurably() } }
    }
  }
}
