import Glibc
import KerberosFixture
import Testing

@testable import Kerberos

/// Keytabs and ticket caches of which only the beginning is there: a full disk, a copy that was broken off.
@Suite("Files that are cut off")
struct CutFileTests {
  let fixture: KerberosFixture
  init() throws { fixture = try sharedFixture() }

  private func bytes(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "re"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
  }

  /// Puts bytes into a file as an unlucky copy does: in place, under whoever reads it.
  private func write(_ bytes: some Collection<UInt8>, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let bytes = Array(bytes)
    try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
  }

  /// Expects a body to be refused as unusable, in a sentence that names the file.
  private func expectUnusable<Value>(_ path: String, _ length: Int, _ body: () throws -> Value) {
    do {
      _ = try body()
      Issue.record("\(length) bytes were enough")
    } catch let error as KerberosError {
      #expect(error.reason == .unusableFile, "\(length) bytes: \(error.reason), \(error)")
      #expect("\(error)".contains(path), "\(length) bytes: \(error)")
    } catch { Issue.record("\(length) bytes: \(error)") }
  }

  @Test("a keytab cut off anywhere is refused by name, by whoever accepts, dials or administers with it")
  func keytab() throws {
    let node = uniqueName("d")
    let name = "keyval-drone/\(node)"
    let whole = try bytes(fixture.addDrone(node))
    let path = fixture.path(uniqueName("cut.keytab"))
    for length in whole.indices {
      try write(whole.prefix(length), to: path)
      expectUnusable(path, length) { try fixture.acceptor(name, keytab: path) }
      expectUnusable(path, length) {
        try InitiatorCredential.fromKeytab(keytab: path, principal: fixture.principal(name))
      }
      // Opening kadmind costs a conversation.
      guard length % 16 == 3 else { continue }
      expectUnusable(path, length) { try Kadmin(keytab: path, principal: fixture.principal(name)) }
    }
    try write(whole, to: path)
    let acceptor = try fixture.acceptor(name, keytab: path)
    _ = try Pair(Pair(fixture).initiator, acceptor).handshake()
  }

  @Test("a keytab that is cut off while a node uses it costs the handshakes of that time, and nothing else")
  func keytabInUse() throws {
    let node = uniqueName("d")
    let name = "keyval-drone/\(node)"
    let path = try fixture.addDrone(node)
    let whole = try bytes(path)
    let pair = Pair(try Pair(fixture).initiator, try fixture.acceptor(name, keytab: path))
    let own = try InitiatorCredential.fromKeytab(keytab: path, principal: fixture.principal(name))
    let (before, _) = try pair.handshake()
    var generator = SystemRandomNumberGenerator()
    for length in [0, 1, 2, 3, 5, whole.count - 1]
      + (0..<20).map({ _ in
        Int.random(in: 0..<whole.count, using: &generator)
      })
    {
      try write(whole.prefix(length), to: path)
      let (_, token) = try pair.request()
      let error = #expect(throws: KerberosError.self, "\(length) bytes") { try pair.accept(token) }
      #expect(error.map { "\($0)".isEmpty } == false)
      own.forgetTickets()
      #expect(throws: KerberosError.self, "\(length) bytes") { try own.prepare() }
    }
    #expect(try before.pseudoRandom(input: [1], length: 8).count == 8, "what was open stays open")
    try write(whole, to: path)
    _ = try pair.handshake()
    try own.prepare()
  }

  @Test("a ticket cache cut off anywhere gives tickets, or a clear word that there are none")
  func cache() throws {
    let user = uniqueName("user")
    try fixture.addUser(user)
    let whole = try bytes(String(fixture.cache(of: user).dropFirst("FILE:".count)))
    let acceptor = try Pair(fixture).acceptor
    let path = fixture.path(uniqueName("cut.ccache"))
    var refusals: Set<KerberosError.Reason> = []
    for length in whole.indices {
      try write(whole.prefix(length), to: path)
      do {
        let credential = try InitiatorCredential.fromCache(name: "FILE:\(path)")
        #expect(credential.principal == fixture.principal(user))
        guard length % 8 == 0 else { continue }
        _ = try Pair(credential, acceptor).handshake()
      } catch let error as KerberosError {
        refusals.insert(error.reason)
        let isClear = "\(error)".contains(path) && "\(error)".contains("kinit")
        #expect(isClear, "\(length) bytes of \(whole.count): \(error)")
      }
    }
    #expect(refusals.isSubset(of: [.noTicket, .unusableFile]), "\(refusals)")
    try write(whole, to: path)
    _ = try Pair(.fromCache(name: "FILE:\(path)"), acceptor).handshake()
  }

  @Test("a ticket cache that is cut off while a client uses it is told as that, and goes on when it is whole")
  func cacheInUse() throws {
    let user = uniqueName("user")
    try fixture.addUser(user)
    let name = try fixture.cache(of: user)
    let path = String(name.dropFirst("FILE:".count))
    let acceptor = try Pair(fixture).acceptor
    let credential = try InitiatorCredential.fromCache(name: name)
    _ = try Pair(credential, acceptor).handshake()
    let whole = try bytes(path)
    for length in [0, 1, 2, 3, 4, 10, 40] {
      try write(whole.prefix(length), to: path)
      let error = #expect(throws: KerberosError.self, "\(length) bytes") {
        try Pair(credential, acceptor).request()
      }
      #expect(
        error.map { [.noTicket, .unusableFile].contains($0.reason) } == true, "\(length): \(error as Any)")
    }
    try write(whole, to: path)
    _ = try Pair(credential, acceptor).handshake()
  }
}
