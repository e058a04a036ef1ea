import Cluster
import Testing
import Wire

@testable import Drone

/// Who may write a key and not read it learns nothing of it by writing.
@Suite("Whether a key existed is told to who may read it")
struct ExistenceTests {
  /// With a key that is there, and a client that may not read it.
  private var loop = TestLoop()

  init() {
    _ = loop.put("there", "1", write: 1)
    _ = loop.commit()
    loop.mayRead = false
  }

  @Test("a put and a delete without the right to read are answered alike, whether the key is there or not")
  mutating func blindWrites() {
    for (write, key) in [(2, "there"), (3, "not there")] as [(UInt64, String)] {
      #expect(loop.put(key, "x", write: write) == nil)
    }
    let puts = loop.commit().completions
    #expect(puts.map(\.answer) == [.done(existed: nil), .done(existed: nil)])
    #expect(loop.delete("there", write: 4) == nil)
    #expect(loop.delete("never there", write: 5) == nil)
    #expect(loop.commit().completions.map(\.answer) == [.done(existed: nil), .done(existed: nil)])
    // With the right it is told, as ever.
    loop.mayRead = true
    #expect(loop.delete("not there", write: 6) == nil)
    #expect(loop.commit().completions.map(\.answer) == [.done(existed: true)])
  }

  @Test("nor is it told to a retry, also not to one that names a key of the same partition that may be read")
  mutating func retries() {
    _ = loop.put("there", "2", write: 2)
    _ = loop.commit()
    #expect(loop.put("there", "2", write: 2, retry: true) == .done(existed: nil))
    loop.mayRead = true
    #expect(loop.put("other", "2", write: 2, retry: true) == .failed(.numberReused))
    #expect(loop.compareAndPut("other", nil, "2", write: 2, retry: true) == .failed(.numberReused))
    // What was told once is told again, but not to who has lost the right since.
    #expect(loop.put("there", "1", write: 1, retry: true) == .done(existed: false))
    loop.mayRead = false
    #expect(loop.put("there", "1", write: 1, retry: true) == .done(existed: nil))
  }

  @Test("the right to read is that of the key, by the list that lets the write through")
  func rights() throws {
    let list = try AccessList(parsing: [UInt8]("w@R wd a/\nw@R r b/\nr@R rwd\n".utf8))
    var installed = InstalledAccessList()
    installed.install(list)
    installed.mayDeny = true
    func mayRead(_ principal: String, _ key: String) -> Bool {
      var access = ClientAccess(principal: principal)
      access.follow(installed)
      return [UInt8](key.utf8).withUnsafeBytes {
        access.mayRead(
          keyOf: .delete(number: 1, write: 1, retry: false, level: nil, key: $0))
      }
    }
    #expect(!mayRead("w@R", "a/1") && mayRead("w@R", "b/1") && mayRead("r@R", "a/1"))
    #expect(!mayRead("nobody@R", "a/1"))
  }
}
