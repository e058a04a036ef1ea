import Cluster
import Glibc
import Kerberos
import KerberosFixture
import Testing

@testable import Sessions
@testable import Transport

extension SecurityTests {
  @Suite("Keys and tickets that end while a node runs")
  struct LifetimeTests {
    private func one() throws -> PartitionSet { [try #require(Partition(1))] }

    /// Whether the database opens a partition in this session, under a grant of its own.
    private func opens(_ drone: StoreProbe, _ site: DatabaseSite, counter: UInt64) async throws -> Bool {
      let grant = try site.grant(one(), FencingToken(term: Term(1), counter: counter))
      return try await drone.open(one(), grant) == nil
    }

    private func refusal(
      _ site: DatabaseSite, _ credential: InitiatorCredential
    ) async throws -> Refusal? {
      do {
        try await Probe.dial(site.database, at: site.address, credential).close()
        return nil
      } catch TransportError.session(.refused(let refusal)) { return refusal }
    }

    /// Puts bytes in the place of a keytab at once, as enrollment does.
    private func replace(_ keytab: String, with bytes: [UInt8]) throws {
      let draft = "\(keytab).draft"
      let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      try #require(descriptor >= 0)
      defer { close(descriptor) }
      try #require(write(descriptor, bytes, bytes.count) == bytes.count)
      try #require(rename(draft, keytab) == 0)
    }

    @Test(
      "a service that gets a new key while it runs takes tickets for the keys of its keytab, and its sessions go on"
    )
    func rekeyed() async throws {
      let site = try await DatabaseSite()
      let running = try await site.drone("d1")
      #expect(try await opens(running, site, counter: 1))
      let principal = site.kerberos.principal("keyval-drone/d2")
      let (drone, keytab) = (try site.kerberos.addDrone("d2"), site.kerberos.path("database-db1.keytab"))
      // A ticket for the first key, kept.
      let held = try InitiatorCredential.fromKeytab(keytab: drone, principal: principal)
      #expect(try await refusal(site, held) == nil)

      let renewed = site.kerberos.path("renewed.keytab")
      _ = try site.kerberos.realm.administer(["ktadd -k \(renewed) keyval-database/db1"])
      // The KDC knows the new key, the node does not: who comes now is told no more than that.
      let fresh = try InitiatorCredential.fromKeytab(keytab: drone, principal: principal)
      let told = try #require(try await refusal(site, fresh))
      #expect(told.code == .ticketRefused)
      #expect(!told.sentence.contains("kvno") && !told.sentence.contains("keytab"), "\(told.sentence)")
      #expect(try await refusal(site, held) == nil, "the old ticket is for the old key, which is there")

      // Both keys, as a rotation leaves them: old and new tickets.
      let (old, new) = (try Files.bytes(keytab), try Files.bytes(renewed))
      try replace(keytab, with: old + new.dropFirst(2))
      #expect(try await refusal(site, fresh) == nil)
      #expect(try await refusal(site, held) == nil)

      // The new one alone: the old ticket is worth nothing any more, and its owner gets another.
      try replace(keytab, with: new)
      #expect(try await refusal(site, held)?.code == .ticketRefused)
      #expect(try await refusal(site, held) == nil)
      #expect(try await opens(running, site, counter: 2), "the session of before goes on")
      await site.stop()
    }

    /// The wait is for the clock, which alone ends a ticket.
    @Test(
      "a KDC that is away until tickets are over costs whoever needs new ones, and nobody when it is back")
    func away() async throws {
      let site = try await DatabaseSite()
      let (short, long) = (try site.kerberos.addDrone("d1"), try site.kerberos.addDrone("d2"))
      _ = try site.kerberos.realm.administer(["modprinc -maxlife \"3 seconds\" keyval-drone/d1"])
      let ending = try InitiatorCredential.fromKeytab(
        keytab: short, principal: site.kerberos.principal("keyval-drone/d1"))
      let lasting = try InitiatorCredential.fromKeytab(
        keytab: long, principal: site.kerberos.principal("keyval-drone/d2"))
      let session = try await Probe.dial(site.database, at: site.address, ending)
      let bystander = StoreProbe(try await Probe.dial(site.database, at: site.address, lasting))
      site.kerberos.stopDaemons()

      #expect(try await session.closed() == .ticketExpired, "no session outlives its ticket")
      let error = await #expect(throws: TransportError.self) {
        try await Probe.dial(site.database, at: site.address, ending)
      }
      guard case .kerberos(let complaint) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(complaint.reason == .kdcUnreachable && "\(complaint)".contains(site.kerberos.realmName))
      // Whose tickets go on opens sessions, and is served, without a KDC.
      #expect(try await refusal(site, lasting) == nil)
      let grant = try site.grant(one(), to: "d2", FencingToken(term: Term(1), counter: 1))
      #expect(try await bystander.open(one(), grant) == nil)

      try site.kerberos.restartDaemons()
      let again = StoreProbe(try await Probe.dial(site.database, at: site.address, ending))
      #expect(try await opens(again, site, counter: 2))
      await site.stop()
    }
  }
}
