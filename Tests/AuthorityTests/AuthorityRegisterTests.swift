import Cluster
import Cryptography
import Foundation
import Testing

@testable import Storage

@Suite("The register's file") struct AuthorityRegisterTests {
  private final class Directory {
    let path: String

    init() throws {
      let url = FileManager.default.temporaryDirectory.appending(path: "keyval-\(UUID().uuidString)")
      try FileManager.default.createDirectory(
        at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func open(cluster: String = "demo") throws -> AuthorityRegister {
      try AuthorityRegister(directory: path, cluster: cluster)
    }
  }

  private static func winner(_ number: Int) throws -> Winner {
    Winner(
      principal: World.drone(number), key: ElectionKey(try P256PrivateKey.generate().publicKey))
  }

  @Test("every state of the office comes back from the file, with all 64 bits of its term")
  func states() throws {
    let directory = try Directory()
    let winner = try Self.winner(1)
    let certificate = IssuedCertificate(der: [1, 2, 3], issuedAt: 1_700_000_000)
    var states = OfficeRecord.Step.allCases.map {
      (UInt64(5), OfficeRecord.State.certifying(winner, done: $0))
    }
    states += [
      (5, .certified(winner, certificate)),
      (UInt64.max, .certifying(winner, done: .claimed)), (UInt64.max, .burnt(winner)),
    ]
    var record = OfficeRecord.vacant
    #expect(try directory.open().contents() == .empty)
    for (term, state) in states {
      record = record.followed(term: Term(term), state: state)
      let register = try directory.open()
      #expect(try register.replaceOffice(record) == .stored)
      try register.close()
      #expect(try directory.open().contents().office == record)
    }
  }

  @Test("a term is given away once, its steps come one after the other, and no record lowers it")
  func order() throws {
    let (winner, other) = (try Self.winner(1), try Self.winner(2))
    let certificate = IssuedCertificate(der: [1], issuedAt: 1)
    let claimed = OfficeRecord.vacant.followed(term: Term(5), state: .certifying(winner, done: .claimed))
    let refused: [(OfficeRecord, UInt64, OfficeRecord.State)] = [
      (.vacant, 1, .certifying(winner, done: .officeCreated)),
      (.vacant, 1, .certified(winner, certificate)),
      (claimed, 5, .certifying(other, done: .claimed)),
      (claimed, 5, .certifying(other, done: .officeCreated)),
      (claimed, 5, .certifying(winner, done: .termsRaised)),
      (claimed, 5, .certified(winner, certificate)),
      (claimed, 4, .certifying(winner, done: .claimed)),
      (claimed, 6, .certifying(other, done: .lowerOfficesDeleted)),
      (claimed, 5, .vacant),
    ]
    for (stored, term, state) in refused {
      let register = try Directory().open()
      if stored != .vacant { _ = try register.replaceOffice(stored) }
      let record = stored.followed(term: Term(term), state: state)
      #expect(try register.replaceOffice(record) == .stale(stored), "\(record)")
    }
  }

  @Test("of two authorities that claim a term one succeeds, and the other is told by whom")
  func compareAndSet() throws {
    let directory = try Directory()
    let (first, second) = (try directory.open(), try directory.open())
    let vacant = try second.contents().office
    let claim = vacant.followed(term: Term(1), state: .certifying(try Self.winner(1), done: .claimed))
    let other = vacant.followed(term: Term(1), state: .certifying(try Self.winner(2), done: .claimed))
    #expect(try first.replaceOffice(claim) == .stored)
    #expect(try second.replaceOffice(other) == .stale(claim))
    #expect(try second.replaceOffice(claim) == .stored, "the same again is no conflict")
    #expect(try first.contents().office == claim)
  }

  @Test("a claim is stored only if its ballot went by the present membership, which is counted then")
  func claimOfAVersion() throws {
    let register = try Directory().open()
    for number in 1...2 {
      _ = try register.store(
        EnrolledNode(
          node: RegisteredNode(principal: World.drone(number), endpoint: Endpoint(host: "h", port: 1)),
          isExpiryCleared: true))
    }
    let claim = OfficeRecord.vacant.followed(
      term: Term(1), state: .certifying(try Self.winner(1), done: .claimed))
    #expect(try register.replaceOffice(claim, membership: 1) == .stale(.vacant))
    #expect(try register.contents().membership.counted == 0)
    #expect(try register.replaceOffice(claim, membership: 2) == .stored)
    #expect(try register.contents().membership.counted == 2)
  }

  @Test("many claims at once: one is stored")
  func contention() async throws {
    let directory = try Directory()
    _ = try directory.open()
    let path = directory.path
    let stored = try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 1...8 {
        group.addTask {
          let register = try AuthorityRegister(directory: path, cluster: "demo")
          let claim = OfficeRecord.vacant.followed(
            term: Term(1), state: .certifying(try Self.winner(number), done: .claimed))
          return try register.replaceOffice(claim) == .stored
        }
      }
      return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(stored == 1)
    withExtendedLifetime(directory) {}
  }

  @Test("nodes are kept in order of principal, and replaced by what is newer")
  func nodes() throws {
    let directory = try Directory()
    let register = try directory.open()
    func node(_ number: Int, port: UInt16, isExpiryCleared: Bool) -> EnrolledNode {
      EnrolledNode(
        node: RegisteredNode(
          principal: World.drone(number), endpoint: Endpoint(host: "::1", port: port)),
        isExpiryCleared: isExpiryCleared)
    }
    _ = try register.store(node(2, port: 1, isExpiryCleared: true))
    _ = try register.store(node(1, port: 2, isExpiryCleared: false))
    _ = try register.store(node(1, port: 3, isExpiryCleared: true))
    #expect(
      try directory.open().contents().nodes
        == [node(1, port: 3, isExpiryCleared: true), node(2, port: 1, isExpiryCleared: true)])
  }

  @Test("commits reach the disk before they are answered")
  func synchronous() throws {
    #expect(try Directory().open().synchronous == 2)
  }

  @Test("a register of another cluster, another program's file and an open file are refused")
  func refused() throws {
    let directory = try Directory()
    try directory.open().close()
    #expect(throws: StoreError.self) { try directory.open(cluster: "other") }
    let path = directory.path + "/authority.sqlite"
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    #expect(throws: StoreError.exposed(path: path, mode: 0o644)) { try directory.open() }
    let foreign = try Directory()
    try Data("not a database, but long enough to be looked at".utf8)
      .write(to: URL(fileURLWithPath: foreign.path + "/authority.sqlite"))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o600], ofItemAtPath: foreign.path + "/authority.sqlite")
    #expect(throws: StoreError.self) { try foreign.open() }
  }
}
