import Glibc
import Kerberos
import Logging
import Sessions
import Synchronization
import Testing
import Transport

/// What an unauthenticated peer is told, against what the node's own log has.
@Suite("Refusals", .timeLimit(.minutes(2)))
struct RefusalTests {
  /// A service whose key at the KDC is newer than the one in its keytab.
  private func staleService(
    _ log: Lines
  ) async throws -> (listener: SessionListener, principal: String, keytab: String) {
    let fixture = try TestRealm.shared.fixture
    let name = "keyval-drone/stale\(UInt32.random(in: 0 ... .max))"
    let keytab = try fixture.addService(name)
    let credential = try fixture.acceptor(name, keytab: keytab)
    let newer = "\(keytab).newer"
    try fixture.realm.administer(["ktadd -k \(newer) \(name)"])
    let principal = fixture.principal(name)
    let realm = fixture.realmName
    let configuration = SessionListener.Configuration(
      cluster: "demo", services: [.init(principal: principal) { credential }], logger: log.logger,
      describe: {
        NodeDescription(
          cluster: "demo", realm: realm, principals: [principal], role: "drone", softwareVersion: "test",
          address: "127.0.0.1:6234")
      })
    let listener = try await SessionListener.bind(
      to: NodeAddress(host: "127.0.0.1", port: 0), group: TestService.group, configuration: configuration
    ) { _, _ in nil }
    return (listener, principal, keytab)
  }

  @Test("whoever brings a ticket that does not open learns neither path nor key version nor Kerberos's words")
  func keytabIsNotTold() async throws {
    let log = Lines()
    let (listener, principal, keytab) = try await staleService(log)
    let alice = try TestRealm.shared.initiator("alice")
    do {
      try await TestService.dialer().dial(
        principal, at: listener.address, on: TestService.group.next(), credential: { alice },
        handler: { _, _ in nil })
      Issue.record("let in")
    } catch TransportError.session(.refused(let refusal)) {
      #expect(refusal.code == .ticketRefused)
      #expect(refusal.sentence.contains(principal) && refusal.sentence.contains("was not accepted"))
      #expect(refusal.sentence.contains("kinit"))
      for words in [keytab, "keytab", "kvno", "not found", "/tmp", "replay", "alice"] {
        #expect(!refusal.sentence.contains(words), "‘\(words)’ in: \(refusal.sentence)")
      }
    } catch { Issue.record("\(error)") }
    // The operator finds all of it where he looks.
    let line = try await log.first { $0.contains("handshake failed") }
    #expect(line.contains(keytab) && line.contains("kvno 2"))
    await listener.close()
  }

  @Test("bytes that are no token at all are refused in the same words")
  func noToken() async throws {
    let log = Lines()
    let (listener, principal, keytab) = try await staleService(log)
    let limits = SessionLimits()
    // An honest hello, and behind it what is no ticket.
    let honest = try await TamperingProxy.start(to: listener.address) { direction, number, bytes in
      guard direction == .toAcceptor, number == 0 else { return bytes }
      var bytes = bytes
      for index in bytes.indices.suffix(200) { bytes[index] ^= 0x55 }
      return bytes
    }
    let alice = try TestRealm.shared.initiator("alice")
    do {
      try await TestService.dialer(limits).dial(
        principal, at: honest.address, on: TestService.group.next(), credential: { alice },
        handler: { _, _ in nil })
      Issue.record("let in")
    } catch TransportError.session(.refused(let refusal)) {
      #expect(refusal.code == .ticketRefused)
      #expect(refusal.sentence.contains(principal) && refusal.sentence.contains("was not accepted"))
      for words in [keytab, "kvno", "/tmp"] { #expect(!refusal.sentence.contains(words)) }
    } catch { Issue.record("\(error)") }
    await listener.close()
  }
}

/// The lines of a log.
private final class Lines: Sendable {
  private let lines = Mutex<[String]>([])

  var logger: Logger {
    var logger = Logger(label: "test") { _ in Handler(lines: self) }
    logger.logLevel = .trace
    return logger
  }

  func first(_ isMeant: (String) -> Bool) async throws -> String {
    for _ in 0..<10_000 {
      if let line = lines.withLock({ $0.first(where: isMeant) }) { return line }
      try await Task.sleep(for: .milliseconds(1))
    }
    throw NothingLogged()
  }

  struct NothingLogged: Error {}

  private struct Handler: LogHandler {
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      lines.lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
    }
  }
}
